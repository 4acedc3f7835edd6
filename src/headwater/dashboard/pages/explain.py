"""Why one conversion is credited as it is."""

from functools import partial
from typing import Any

import streamlit as st

from headwater.dashboard import address, figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.cards import card
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.charts.tables import Column, Row, heat, named, table
from headwater.dashboard.charts.timeline import road, strip
from headwater.dashboard.markup import Markup, div, join, span, tag
from headwater.dashboard.palette import of_channel
from headwater.dashboard.view import Look
from headwater.errors import EngineUnavailable, NothingFound, QueryError

Explanation = dict[str, Any]

_RECENT = 50
_LONGEST_ID = 80  # that is said again


def page() -> None:
    view.page("Explain", body, every=10.0, own=("id",))


def body(look: Look) -> None:
    recent = look.api.rows("/conversions", [("limit", str(_RECENT))])
    known = {row["conversion_id"]: row for row in recent}
    wanted = address.own("id") or _first(known)
    address.set_own("id", wanted)  # it stays, whatever comes in
    try:
        told, why = _told(look, wanted)
    except EngineUnavailable:
        _choose(look, known, wanted if wanted in known else None)
        raise
    if told and wanted and wanted not in known:
        known[wanted] = _as_row(told)
    _choose(look, known, wanted if told else None)
    if told is None:
        show("explain", why)
        return
    parts = [
        facts(look, told),
        card("The journey", lookback(told), strip(told, look.meta.zone), road(told, look.meta.zone)),
        credits(told),
    ]
    show("explain", div("stack", *parts))


def _first(known: dict[str, Any]) -> str | None:
    """The newest that has something to explain."""
    long = (one for one, row in known.items() if (row["steps"] or 0) > 2)
    return next(long, next(iter(known), None))


def _told(look: Look, wanted: str | None) -> tuple[Explanation | None, Markup]:
    """Or why there is none."""
    if not wanted:
        return None, nothing_here("No conversions yet", "The first one that comes in is explained here.")
    try:
        return look.api.conversion(wanted), Markup()
    except NothingFound:
        shown = wanted if len(wanted) <= _LONGEST_ID else f"{wanted[:_LONGEST_ID]}\N{HORIZONTAL ELLIPSIS}"
        return None, nothing_here(
            f"No conversion is known as \N{LEFT DOUBLE QUOTATION MARK}{shown}\N{RIGHT DOUBLE QUOTATION MARK}",
            "Look whether the order number is complete, or choose one of the recent conversions above. An order "
            "that has just been placed is here a few seconds later.",
        )
    except QueryError as error:
        return None, nothing_here(str(error))


def _as_row(told: Explanation) -> dict[str, Any]:
    """As the list of recent ones has it."""
    one = told["conversion"]
    return {**one, "value": one["conversion_value"], "steps": len(told["steps"])}


def _choose(look: Look, known: dict[str, Any], wanted: str | None) -> None:
    """Either way sets the id, which stands in the address."""
    picked, pasted = "explain_picked", "explain_pasted"
    if st.session_state.get(picked) != wanted:
        st.session_state[picked] = wanted

    def chosen() -> None:
        if st.session_state[picked]:
            address.set_own("id", st.session_state[picked])

    def typed() -> None:
        text = st.session_state[pasted].strip()
        if text:
            address.set_own("id", text)
        st.session_state[pasted] = ""

    with st.container(horizontal=True, gap="small", key="bar"):
        st.selectbox(
            "Recent conversions",
            list(known),
            index=0 if wanted else None,
            key=picked,
            on_change=chosen,
            format_func=partial(_named, look, known),
            placeholder="Choose one" if known else "No conversions yet",
            width=520,
        )
        st.text_input(
            "Or an id or order number", key=pasted, on_change=typed, placeholder="Paste it here", width=300
        )


def _named(look: Look, known: dict[str, Any], conversion_id: str) -> str:
    row = known.get(conversion_id)
    if row is None:
        return conversion_id
    order = row["transaction_id"] or row["conversion_event"]
    value = figures.money(row["value"], row["currency"])
    at = figures.moment(row["conversion_at"], look.meta.zone, to_the_second=True)
    return f"{at} · {value} · {figures.plural(row['steps'] or 0, 'step')} · {order}"


def facts(look: Look, told: Explanation) -> Markup:
    one, worth = told["conversion"], told["worth"]
    value = figures.money(one["conversion_value"], one["currency"])
    order = f", order {one['transaction_id']}" if one["transaction_id"] else ""
    at = figures.moment(one["conversion_at"], look.meta.zone, to_the_second=True)
    said = [f"{at} in {look.meta.zone}", f"one person on {figures.plural(len(told['devices']), 'device')}"]
    if worth["refunds"]:
        taken = sum(float(refund["value"]) for refund in worth["refunds"])
        said.append(
            f"{figures.money(worth['sent_value'], worth['sent_currency'])} less {taken:,.2f} refunded"
        )
    if worth["rate"] is not None and worth["sent_currency"] != one["currency"]:
        said.append(f"sent as {figures.money(worth['sent_value'], worth['sent_currency'])}")
    if worth["repeats"]:
        said.append("the order was sent more than once; the first one counts")
    title = f"{one['conversion_event']} of {value}{order}"
    return card(
        title,
        "; ".join(said) + ".",
        join("Id ", span("id", one["conversion_id"], style="overflow-wrap:anywhere")),
    )


def lookback(told: Explanation) -> str:
    days = next((one["value"] for one in told["settings"] if one["key"] == "attribution.lookback_days"), None)
    shown = sum(touch["fate"] in ("opens step", "joins step") for touch in told["touches"])
    left = len(told["touches"]) - shown
    touches = f"{figures.plural(shown, 'touch', 'touches')} {'counts' if shown == 1 else 'count'}"
    words = [f"{touches} as {figures.plural(len(told['steps']), 'step')}"]
    if left:
        words.append(f"{left} left out")
    if days:
        words.append(f"the lookback is {days} days")
    return "; ".join(words) + "."


def credits(told: Explanation) -> Markup:
    models = list(dict.fromkeys(credit["attribution_model"] for credit in told["credits"]))
    found = {(credit["step_number"], credit["attribution_model"]): credit for credit in told["credits"]}
    columns = [Column("Step"), Column("Channel"), *(Column(figures.model(model), True) for model in models)]
    currency = told["conversion"]["currency"]
    rows = []
    for step in told["steps"]:
        cells: list[Any] = [str(step["step_number"]), named(step["channel"], of_channel(step["channel"]))]
        for model in models:
            credit = found.get((step["step_number"], model))
            is_ignored = model in step["ignored_by"]
            cells.append(_credit(credit, currency, is_ignored))
        rows.append(Row(cells))
    return card("Who gets the credit", "Share of the conversion, and what it is worth.", table(columns, rows))


def _credit(credit: dict[str, Any] | None, currency: str | None, is_ignored: bool) -> Markup:
    if credit is None or not float(credit["credit"]):
        return tag("span", "passed over" if is_ignored else figures.DASH, class_="soft")
    share = float(credit["credit"])
    value = credit["credited_value"]
    worth = figures.money(float(value), currency) if value is not None else ""
    return heat(join(figures.percent(share), div("soft", worth)), share)
