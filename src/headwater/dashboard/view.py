"""The frame of a page: its title, how fresh it is, what it is narrowed to; and what stands there instead when
headwater is not running or has no data. Each page looks for news by itself, without moving anything."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from headwater.dashboard import address, filter_bar, meta
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.states import away, banner, heading, no_data, only_down, unseen
from headwater.dashboard.client import Api
from headwater.dashboard.filters import Filters
from headwater.dashboard.meta import Meta
from headwater.dashboard.source import api
from headwater.errors import EngineUnavailable, NothingFound, QueryError


@dataclass(frozen=True)
class Look:
    """What a page is drawn from. While nobody answers, all of it is what was last known."""

    api: Api
    meta: Meta
    filters: Filters
    freshness: dict[str, Any] | None
    is_answered: bool


Body = Callable[[Look], None]
Bar = filter_bar.Bar


def page(
    title: str,
    body: Body,
    *,
    every: float,
    bar: Bar | None = None,
    own: tuple[str, ...] = (),
    needs_data: bool = True,
) -> None:
    """`own`: what stands in its address besides filters."""
    st.fragment(_shown, run_every=every)(title, body, bar, own, needs_data)


def _shown(title: str, body: Body, bar: Bar | None, own: tuple[str, ...], needs_data: bool) -> None:
    asked = api()
    freshness, is_answered = _freshness(asked)
    try:
        known = meta.read(asked.get("/meta"))
    except (EngineUnavailable, QueryError) as error:
        show("heading", heading(title, freshness, None, is_answered=is_answered))
        show("body", away(str(error)) if is_answered else only_down(str(error)))
        return
    show("heading", heading(title, freshness, known, is_answered=is_answered))
    place = st.container(key="notice")
    if known.is_empty and needs_data:
        show("body", no_data(_refused(asked)))
        return
    chosen = address.filters(known)
    look = Look(asked, known, chosen, freshness, is_answered)
    down = "" if is_answered else f"headwater does not answer at {asked.url}."
    notice = banner(down, "Here is what was last known.") if down else None
    try:
        if bar:
            filter_bar.show_bar(asked, known, chosen, bar)
        body(look)
    except (NothingFound, QueryError) as error:
        notice = banner(str(error))
    except EngineUnavailable as error:
        notice = banner(down or str(error))
        show("body", unseen(is_answered=is_answered))
    if notice:
        with place:
            show("banner", notice)
    address.write(chosen if bar else None, own)


def _freshness(asked: Api) -> tuple[dict[str, Any] | None, bool]:
    """As it is now, or as it was last known to be; and whether anybody answers."""
    try:
        return asked.get("/freshness", only_new=True), True
    except (EngineUnavailable, QueryError):
        return asked.last_known("/freshness"), False


def _refused(asked: Api) -> int:
    try:
        told = asked.get("/health")
    except (EngineUnavailable, QueryError):
        return 0
    rows = told["dead_letters"] or []
    return sum(row["dead_letters"] for row in rows) or int(told["books"]["dead_letters"])
