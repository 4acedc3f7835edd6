"""The ways that customers took before they bought."""

from typing import Any

from headwater.dashboard import figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.bars import histogram
from headwater.dashboard.charts.cards import card
from headwater.dashboard.charts.sankey import sankey
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.charts.tables import Column, Row, named, table, under, way
from headwater.dashboard.markup import Markup, div
from headwater.dashboard.palette import of_channel
from headwater.dashboard.view import Look

Rows = list[dict[str, Any]]

_MOST_PATHS = 12
_LONGEST = 10  # steps, and days, that have a bar of their own
_MOST_STEPS = 6  # of a path that are written out


def page() -> None:
    view.page("Journeys", body, every=5.0, bar="plain")


def body(look: Look) -> None:
    params = [(name, value) for name, value in look.filters.params() if name != "model"]
    links = look.api.rows("/journeys/links", params)
    if not links:
        show("journeys", nothing_here("No conversions in these days: widen the dates or the filters."))
        return
    paths = look.api.rows("/journeys/paths", [*params, ("limit", str(_MOST_PATHS))])
    lengths = look.api.rows("/journeys/lengths", params)
    days = look.api.rows("/journeys/days", params)
    parts = [
        card(
            "From the first step to the conversion",
            "Each stream is as thick as the conversions that went that way.",
            sankey(links, figures.count),
        ),
        ways(look, paths),
        div("half", steps(lengths), waits(days)),
        assists(look.api.rows("/journeys/assists", params)),
    ]
    show("journeys", div("stack", *parts))


def ways(look: Look, rows: Rows) -> Markup:
    columns = [
        Column("Path", class_="grow"),
        Column("Conversions", True),
        Column("Share", True),
        Column("Revenue", True),
        Column("Median time", True),
    ]
    most = max((row["conversions"] for row in rows), default=0) or 1
    drawn = [
        Row(
            [
                _way(row["path"].split(" > ")),
                under(figures.count(row["conversions"]), row["conversions"] / most, "var(--accent)"),
                figures.percent(row["share"]),
                figures.sum_of_money(row["value"], look.meta.currency),
                figures.days(row["median_days"]),
            ]
        )
        for row in rows
    ]
    return card(
        "Most frequent paths",
        "Touches by the same channel on the same day are one step.",
        table(columns, drawn),
    )


def _way(channels: list[str]) -> Markup:
    some: list[str] = channels
    colours: list[str | None] = [of_channel(name) for name in channels]
    if len(channels) > _MOST_STEPS:
        left_out = len(channels) - _MOST_STEPS + 1
        kept = _MOST_STEPS - 2
        some = [*channels[:kept], f"{left_out} more", channels[-1]]
        colours = [*colours[:kept], None, colours[-1]]
    return way(some, colours)


def steps(rows: Rows) -> Markup:
    average = sum(row["steps"] * row["conversions"] for row in rows) / (
        sum(row["conversions"] for row in rows) or 1
    )
    return card(
        "Steps before a conversion",
        f"{average:.1f} on average",
        histogram(_bins(rows, "steps", 1, "step")),
    )


def waits(rows: Rows) -> Markup:
    same = sum(row["share"] for row in rows if row["days"] == 0)
    return card(
        "Days from the first touch to the conversion",
        f"{figures.percent(same, 0)} within a day",
        histogram(_bins(rows, "days", 0, "day")),
    )


def _bins(rows: Rows, name: str, first: int, unit: str) -> list[tuple[str, float, str]]:
    """The last one takes all that is more."""
    counts = {row[name]: row["conversions"] for row in rows}
    whole = sum(counts.values()) or 1
    last = max(min(max(counts, default=first), _LONGEST), first + 4)
    found = []
    for number in range(first, last + 1):
        is_rest = number == _LONGEST
        value = sum(counts[at] for at in counts if at >= number) if is_rest else counts.get(number, 0)
        shown = f"{number}+" if is_rest else str(number)
        tip = f"{shown} {unit}{'' if shown == '1' else 's'}\n{value:,} conversions, {figures.percent(value / whole)}"
        found.append((shown, float(value), tip))
    return found


def assists(rows: Rows) -> Markup:
    columns = [
        Column("Channel"),
        Column("Helped", True, tip="Journeys that it is in without being the last step"),
        Column("Was last", True),
        Column("Was first", True),
        Column("Was alone", True),
        Column("Helped for each last", True, tip="Above 1 it opens and helps more than it closes"),
    ]
    most = max((row["assisted"] for row in rows), default=0) or 1
    drawn = [
        Row(
            [
                named(figures.nameless(row["channel"]), of_channel(row["channel"])),
                under(figures.count(row["assisted"]), row["assisted"] / most, of_channel(row["channel"])),
                *(figures.count(row[name]) for name in ("last", "first", "only")),
                figures.DASH if row["assists_per_last"] is None else f"{row['assists_per_last']:.1f}",
            ]
        )
        for row in rows
    ]
    return card(
        "Who helps, and who closes",
        "In how many journeys each channel has which part.",
        table(columns, drawn),
    )
