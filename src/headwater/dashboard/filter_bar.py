"""Dates and filters above a page, and what is chosen as words that a click takes away."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal

import streamlit as st

from headwater.dashboard import address, figures
from headwater.dashboard.canvas import show
from headwater.dashboard.client import Api
from headwater.dashboard.filters import DIMENSIONS, Filters, compared
from headwater.dashboard.markup import Markup, div, span, tag
from headwater.dashboard.meta import Meta
from headwater.errors import EngineUnavailable

NAMED = {
    "conversion_event": "Conversion event",
    "channel": "Channel",
    "source": "Source",
    "medium": "Medium",
    "campaign": "Campaign",
    "model": "Models",
}
_MOST_OFFERED = 500

# with the days before and what is measured; with that, and the way down above it; or dates and filters only
Bar = Literal["compared", "measured", "plain"]


def show_bar(api: Api, meta: Meta, chosen: Filters, bar: Bar) -> None:
    """Widgets tell what they are set to before a page is made, so what they show is what is chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bar"):
        _dates(meta, chosen)
        with st.popover("Filters", width="content"):
            if bar != "plain":  # a journey is the same by every model
                _offer("model", list(meta.models), chosen, figures.model)
            for name in ("conversion_event", *DIMENSIONS):
                _offer(name, _values(api, chosen, name), chosen, figures.nameless)
        if bar != "plain":
            _measure()
    show("chips", _chips(meta, chosen, bar), _take_away)


def measure() -> str:
    return "conversions" if address.own("measure") == "conversions" else "value"


def _set(key: str, value: Any) -> None:
    """Only what differs: a widget that is told its own value closes under the hand that opens it."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _dates(meta: Meta, chosen: Filters) -> None:
    key, found = "filter_dates", chosen.dates(meta.last_date, meta.today)
    given = st.session_state.get(key)
    if not isinstance(given, tuple) or len(given) == 2:  # one date: the other is about to be chosen
        _set(key, found)

    def changed() -> None:
        picked = st.session_state[key]
        if len(picked) == 2:
            address.narrow(lambda old: replace(old, first=picked[0], last=picked[1]))

    first = min(meta.first_date or found[0], found[0])
    last = max(meta.last_date or found[1], meta.today, found[1])
    st.date_input(
        "Dates",
        key=key,
        on_change=changed,
        min_value=min(first, date(last.year - 2, 1, 1)),
        max_value=last + timedelta(days=1),
        format="YYYY-MM-DD",
        label_visibility="collapsed",
        width=250,
    )


def _offer(name: str, values: list[str], chosen: Filters, shown: Any) -> None:
    key, picked = f"filter_{name}", list(chosen.of(name))
    _set(key, picked)

    def changed() -> None:
        address.narrow(lambda old: old.narrowed(name, st.session_state[key]))

    offered = [*values, *(value for value in picked if value not in values)]
    placeholder = "First and last click" if name == "model" else "All"
    st.multiselect(
        NAMED[name],
        offered,
        key=key,
        on_change=changed,
        format_func=shown,
        placeholder=placeholder,
        width=320,
    )


def _values(api: Api, chosen: Filters, name: str) -> list[str]:
    dates = Filters(chosen.first, chosen.last).params()
    try:
        rows = api.rows(f"/values/{name}", [*dates, ("limit", str(_MOST_OFFERED))])
    except EngineUnavailable:
        return []  # the page itself says so
    return [row["value"] or "" for row in rows]


def _measure() -> None:
    key = "measure_shown"
    _set(key, measure())

    def changed() -> None:
        address.set_own("measure", "conversions" if st.session_state[key] == "conversions" else None)

    st.segmented_control(
        "Show",
        ["value", "conversions"],
        key=key,
        on_change=changed,
        format_func=lambda name: "Revenue" if name == "value" else "Conversions",
        label_visibility="collapsed",
        required=True,
    )


def _chips(meta: Meta, chosen: Filters, bar: Bar) -> Markup:
    first, last = chosen.dates(meta.last_date, meta.today)
    days = (last - first).days + 1
    before = first - timedelta(days=days), first - timedelta(days=1)
    told = f"{figures.span(first, last)}, {days} day{'s' if days > 1 else ''}"
    if bar == "compared":
        told += f", compared with {figures.span(*before)}"
    chips = [
        _chip(name, value, f"{NAMED[name]}: {figures.nameless(value)}")
        for name, value in chosen.narrowing
        if not (bar == "measured" and name in chosen.way_down)  # which says it, with the way back
    ]
    if bar != "plain":
        chips += [_chip("model", model, f"Model: {figures.model(model)}") for model in chosen.model]
        chips += _beside(meta, chosen)
    return div("chips", tag("span", told), *chips)


def _chip(name: str, value: str, shown: str) -> Markup:
    return span(
        "chip",
        span("cut", shown),
        span("x", "\N{MULTIPLICATION SIGN}"),
        data_key=f"{name}={value}",
        data_pick=f"{name}={value}",
        tabindex="0",
        role="button",
        title="Take this filter away",
    )


def _beside(meta: Meta, chosen: Filters) -> list[Markup]:
    """What stands beside the one model that is chosen."""
    others = [name for name in compared(chosen.model, meta.models) if name not in chosen.model]
    if len(chosen.model) != 1 or not others:
        return []
    return [tag("span", f"compared with {figures.model(others[0]).lower()}")]


def _take_away(pick: str) -> None:
    name, _, value = pick.partition("=")
    if name in NAMED:
        address.narrow(lambda old: old.narrowed(name, (one for one in old.of(name) if one != value)))
