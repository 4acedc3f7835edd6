"""Every model side by side for each channel, and a click away its sources, media and campaigns."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from headwater.dashboard import address, export, figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.bars import shifts
from headwater.dashboard.charts.cards import card
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.charts.tables import Column, Row, named, table, under
from headwater.dashboard.filter_bar import NAMED, measure
from headwater.dashboard.filters import DIMENSIONS, Filters, compared
from headwater.dashboard.markup import Content, Markup, div, span
from headwater.dashboard.pages.overview import NAMES, compare
from headwater.dashboard.palette import of_channel, of_model
from headwater.dashboard.view import Look

Rows = list[dict[str, Any]]
Ends = tuple[str, str] | None  # the first and the last of the models that are compared

_USUAL = "first_click", "last_click"
_MOST_ROWS = 50
_MOST_SHIFTS = 12
_UP = "up:"
_HINTS = {
    "channel": "Click a channel to see its sources, then media and campaigns.",
    "source": "Click a source to see its media, then campaigns.",
    "medium": "Click a medium to see its campaigns.",
    "campaign": "The most valuable first.",
}


def page() -> None:
    view.page("Channels", body, every=5.0, bar="measured", own=("measure",))


def body(look: Look) -> None:
    level, shown = look.filters.level, measure()
    models = compared(look.filters.model, look.meta.models)
    listed = models if look.filters.model else look.meta.models
    rows = look.api.all_rows("/campaigns", [*look.filters.params(models=listed), ("by", level)])
    ends = (models[0], models[-1]) if len(models) > 1 else None
    drawn = [crumbs(look.filters), by_model(look, rows, level, listed, ends, shown)]
    if ends:
        drawn.append(moves(look, rows, level, ends, shown))
    show("channels", div("stack", *drawn), partial(_picked, level))
    first, last = look.filters.dates(look.meta.last_date, look.meta.today)
    st.download_button(
        "Download as CSV",
        export.as_csv(rows),
        f"headwater-{level}-{first}-{last}.csv",
        "text/csv",
        key="download",
        on_click="ignore",
        disabled=not rows,
    )


def crumbs(chosen: Filters) -> Content:
    """The way down so far; each part leads back up."""
    if not chosen.way_down:
        return ""
    way = [span("", "All channels", data_pick=f"{_UP}{DIMENSIONS[0]}", role="button", tabindex="0")]
    for name in chosen.way_down:
        below = DIMENSIONS[DIMENSIONS.index(name) + 1]
        said = f"{NAMED[name]}: {figures.nameless(chosen.of(name)[0])}"
        way += [
            span("soft", "\N{RIGHTWARDS ARROW}"),
            span("", said, data_pick=f"{_UP}{below}", role="button", tabindex="0"),
        ]
    return div("crumbs", *way)


def _picked(level: str, pick: str) -> None:
    if pick.startswith(_UP) and pick.removeprefix(_UP) in DIMENSIONS:
        cleared = DIMENSIONS[DIMENSIONS.index(pick.removeprefix(_UP)) :]
        address.narrow(lambda old: _without(old, cleared))
    elif pick.startswith("="):
        address.narrow(lambda old: old.narrowed(level, [pick[1:]]))


def _without(chosen: Filters, names: tuple[str, ...]) -> Filters:
    for name in names:
        chosen = chosen.narrowed(name, ())
    return chosen


def by_model(look: Look, rows: Rows, level: str, models: Sequence[str], ends: Ends, shown: str) -> Markup:
    is_all = len(models) == len(look.meta.models)
    which = "every model" if is_all else figures.listed([figures.model(model).lower() for model in models])
    title = f"{NAMES[shown]} by {level}, {which}"
    if not rows:
        return card(
            title, None, nothing_here("Nothing came this way in these days: widen the dates or the filters.")
        )
    most = max((float(row[f"{model}_{shown}"]) for row in rows for model in models), default=0) or 1
    columns = [
        Column(NAMED[level]),
        Column("Sessions", True),
        *(Column(figures.model(model), True, width="12%") for model in models),
    ]
    if ends:
        less = f"{figures.model(ends[1])} less {figures.model(ends[0]).lower()}"
        columns.append(Column("First to last" if ends == _USUAL else "Difference", True, tip=less))
    can_go_down = level != DIMENSIONS[-1]
    drawn = []
    for row in _largest(rows, (ends or models)[-1], shown)[:_MOST_ROWS]:
        colour = of_channel(row[level]) if level == "channel" else None
        cells: list[Any] = [named(figures.nameless(row[level]), colour), figures.count(row["sessions"])]
        for model in models:
            value = float(row[f"{model}_{shown}"])
            cells.append(under(look.meta.shown(value, shown), value / most, of_model(model)))
        if ends:
            shift = float(row[f"{ends[1]}_{shown}"]) - float(row[f"{ends[0]}_{shown}"])
            cells.append(look.meta.moved(shift, shown))
        drawn.append(Row(cells, f"={row[level] or ''}" if can_go_down else None, key=f"={row[level] or ''}"))
    rest = f"The first {_MOST_ROWS} of {len(rows):,}: all of them are in the download."
    below = div("sub below", rest) if len(rows) > _MOST_ROWS else ""
    return card(title, _HINTS[level], table(columns, drawn), below)


def _largest(rows: Rows, model: str, shown: str) -> Rows:
    """First. Of revenue the API has them so."""
    return rows if shown == "value" else sorted(rows, key=lambda row: -float(row[f"{model}_{shown}"]))


def moves(look: Look, rows: Rows, level: str, ends: tuple[str, str], shown: str) -> Markup:
    found = sorted(compare(rows, level, ends, shown), key=lambda row: (-abs(row.shift), row.name))
    some = [row for row in found if any(row.values)][:_MOST_SHIFTS]
    names = figures.model(ends[0]), figures.model(ends[1])
    title = f"What {names[0].lower()} and {names[1].lower()} see differently"
    if not some:
        return card(title, None, nothing_here(f"No {NAMES[shown].lower()} in these days."))
    told = f"Ring: {names[0].lower()}. Dot: {names[1].lower()}. The largest difference first."
    drawn = shifts(
        some,
        lambda number: look.meta.shown(number, shown),
        lambda number: look.meta.moved(number, shown),
        names,
    )
    return card(title, told, drawn)
