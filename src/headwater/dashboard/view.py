"""The frame of a page: its title, how fresh it is, what it is narrowed to; and what stands there instead when
headwater is not running or has no data. Each page looks for news by itself, without moving anything."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from headwater.dashboard import address, filter_bar, meta
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.states import away, banner, heading, no_data, only_down
from headwater.dashboard.client import Api
from headwater.dashboard.filters import Filters
from headwater.dashboard.meta import Meta
from headwater.dashboard.source import api
from headwater.errors import EngineUnavailable, NothingFound, QueryError


@dataclass(frozen=True)
class Look:
    """What a page is drawn from."""

    api: Api
    meta: Meta
    filters: Filters
    freshness: dict[str, Any] | None  # None: nobody answers, and all that is shown is what was last known


Body = Callable[[Look], None]
Bar = filter_bar.Bar


def page(title: str, body: Body, *, every: float, bar: Bar | None = None) -> None:
    st.fragment(_shown, run_every=every)(title, body, bar)


def _shown(title: str, body: Body, bar: Bar | None) -> None:
    asked = api()
    freshness = _freshness(asked)
    try:
        known = meta.read(asked.get("/meta"))
    except (EngineUnavailable, QueryError) as error:
        show("heading", heading(title, freshness, None))
        show("body", away(str(error)) if freshness else only_down(str(error)))
        return
    show("heading", heading(title, freshness, known))
    if freshness is None:
        show("banner", banner(f"headwater does not answer at {asked.url}.", "Here is what was last known."))
    if known.is_empty:
        show("body", no_data())
        return
    chosen = address.filters(known)
    look = Look(asked, known, chosen, freshness)
    try:
        if bar:
            filter_bar.show_bar(asked, known, chosen, bar)
        body(look)
    except (NothingFound, QueryError) as error:
        show("refused", banner(str(error), ""))
    except EngineUnavailable as error:
        if freshness is not None:  # it has gone just now, or its tables have
            show("banner", banner(str(error), ""))
    address.write(chosen if bar else None)


def _freshness(asked: Api) -> dict[str, Any] | None:
    try:
        return asked.get("/freshness", only_new=True)
    except (EngineUnavailable, QueryError):
        return None
