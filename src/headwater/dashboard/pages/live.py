"""What comes in at this moment."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from headwater.dashboard import address, figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.cards import card, facts
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.charts.tables import Column, Row, named, table
from headwater.dashboard.markup import Markup, div, tag
from headwater.dashboard.palette import of_channel
from headwater.dashboard.view import Look

Rows = list[dict[str, Any]]

_EVENTS, _CONVERSIONS = 20, 8


def page() -> None:
    view.page("Live", body, every=2.0)


def body(look: Look) -> None:
    if st.session_state.pop("explain_next", False):
        st.switch_page(st.session_state["pages"]["Explain"])
    events = look.api.rows("/events", [("limit", str(_EVENTS))])
    conversions = look.api.rows("/conversions", [("limit", str(_CONVERSIONS))])
    parts = [now(look, events), credited(look, conversions), arrived(look, events)]
    show("live", div("stack", *parts), explain_next)


def explain_next(conversion_id: str) -> None:
    address.set_own("id", conversion_id)
    st.session_state["explain_next"] = True


def now(look: Look, events: Rows) -> Markup:
    fresh = look.freshness
    latency = (fresh or {}).get("latency") or {}
    rate = (fresh or {}).get("events_per_second")
    newest = max((row["received_at"] for row in events if row["received_at"]), default=None)
    told = facts(
        [
            ("Visible after, usually", figures.seconds(latency.get("p50"))),
            ("Visible after, 95 of 100", figures.seconds(latency.get("p95"))),
            ("Events per second", figures.DASH if rate is None else f"{rate:,.1f}"),
            ("Oldest still unseen", figures.seconds((fresh or {}).get("freshness_seconds"))),
            ("Last event received", figures.moment(newest, look.meta.zone, to_the_second=True)),
        ]
    )
    alerts = [
        tag("p", tag("b", alert["name"]), ": ", alert["message"]) for alert in (fresh or {}).get("alerts", [])
    ]
    return card("Right now", "From the door to the tables, over the last five minutes.", told, *alerts)


def credited(look: Look, rows: Rows) -> Markup:
    title, sub = "Conversions as they are credited", "Click one to see why."
    if not rows:
        return card(title, None, nothing_here("No conversions yet."))
    columns = [
        Column("Time", width="136px"),
        Column("Value", True, width="104px"),
        Column("First click", width="19%"),
        Column("Last click", width="19%"),
        Column("Steps", True, "wideonly", width="64px"),
        Column("Order", class_="wideonly last"),
    ]
    drawn = [
        Row(
            [
                figures.moment(row["conversion_at"], look.meta.zone, to_the_second=True),
                figures.money(row["value"], row["currency"]),
                _channel(row["first_click_channel"]),
                _channel(row["last_click_channel"]),
                figures.count(row["steps"]),
                _cut(row["transaction_id"] or row["conversion_event"]),
            ],
            row["conversion_id"],
        )
        for row in rows
    ]
    return card(title, sub, table(columns, drawn, "lines"))


def arrived(look: Look, rows: Rows) -> Markup:
    columns = [
        Column("Time", width="118px"),
        Column("Event", width="17%"),
        Column("Person", class_="wideonly", width="130px"),
        Column("Channel", width="22%"),
        Column("Page", class_="wideonly"),
        Column("Value", True, width="90px"),
    ]
    clock = partial(figures.clock, zone=look.meta.zone)
    drawn = [
        Row(
            [
                tag("span", clock(row["event_at"]), title=figures.moment(row["event_at"], look.meta.zone)),
                _cut(row["event_name"]),
                tag("span", row["person"], class_="id"),
                _channel(row["channel"]),
                _cut(_path(row["page"])),
                figures.money(row["value"], row["currency"]) if row["value"] else "",
            ],
            key=row["event_id"],
        )
        for row in rows
    ]
    return card(f"The last {_EVENTS} events", "The newest first.", table(columns, drawn, "lines"))


def _cut(text: str | None) -> Markup:
    return div("", text, title=text)


def _channel(name: str | None) -> Markup | str:
    return named(name, of_channel(name)) if name else figures.DASH


def _path(page: str | None) -> str:
    if not page:
        return ""
    try:
        parts = urlsplit(page)
    except ValueError:
        return page
    return (parts.path or "/") if parts.netloc else page
