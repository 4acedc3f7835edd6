"""Every model side by side for each channel, and a click away its sources, media and campaigns."""

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
from headwater.dashboard.filters import DIMENSIONS, Filters, pair
from headwater.dashboard.markup import Markup, div, span, tag
from headwater.dashboard.pages.overview import NAMES, two
from headwater.dashboard.palette import of_channel, of_model
from headwater.dashboard.view import Look

_MOST_ROWS = 50
_MOST_SHIFTS = 12
_UP = "up:"


def page() -> None:
    view.page("Channels", body, every=5.0, bar="measured")


def body(look: Look) -> None:
    level, shown = look.filters.level, measure()
    models = look.filters.model or look.meta.models
    params = look.filters.params(models=models)
    rows = (
        look.api.rows("/channels", params)
        if level == "channel"
        else look.api.rows("/campaigns", [*params, ("by", level)])
    )
    compared = pair(look.filters.model, look.meta.models)
    drawn = sides(look, rows, level, models, shown), moves(look, compared, level, shown)
    show("channels", div("stack", crumbs(look.filters), *drawn), partial(_picked, level))
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


def crumbs(chosen: Filters) -> Markup:
    """The way down so far; each part leads back up."""
    way = [span("", "All channels", data_pick=f"{_UP}{DIMENSIONS[0]}", role="button", tabindex="0")]
    for name in DIMENSIONS[: DIMENSIONS.index(chosen.level)]:
        below = DIMENSIONS[DIMENSIONS.index(name) + 1]
        said = f"{NAMED[name]}: {figures.nameless(chosen.of(name)[0])}"
        way += [
            span("soft", "\N{RIGHTWARDS ARROW}"),
            span("", said, data_pick=f"{_UP}{below}", role="button", tabindex="0"),
        ]
    if len(way) == 1:
        return div("crumbs soft", "Click a channel to see its sources, then media and campaigns.")
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


def sides(look: Look, rows: list[dict[str, Any]], level: str, models: tuple[str, ...], shown: str) -> Markup:
    title = f"{NAMES[shown]} by {level}, every model"
    if not rows:
        return card(
            title, None, nothing_here("Nothing came this way in these days: widen the dates or the filters.")
        )
    most = max((float(row[f"{model}_{shown}"]) for row in rows for model in models), default=0) or 1
    columns = [
        Column(NAMED[level]),
        Column("Sessions", True),
        *(Column(figures.model(model), True) for model in models),
    ]
    has_shift = rows[0]["conversion_shift"] is not None
    if has_shift:
        columns.append(Column("First to last", True, tip="Last click less first click"))
    can_go_down = level != DIMENSIONS[-1]
    drawn = []
    for row in rows[:_MOST_ROWS]:
        colour = of_channel(row[level]) if level == "channel" else None
        cells: list[Any] = [named(figures.nameless(row[level]), colour), figures.count(row["sessions"])]
        for model in models:
            value = float(row[f"{model}_{shown}"])
            cells.append(under(look.meta.shown(value, shown), value / most, of_model(model)))
        if has_shift:
            cells.append(
                look.meta.moved(row["conversion_shift" if shown == "conversions" else "value_shift"], shown)
            )
        drawn.append(Row(cells, f"={row[level] or ''}" if can_go_down else None))
    rest = len(rows) - _MOST_ROWS
    below = div("sub soft", f"{rest:,} more are in the download.") if rest > 0 else ""
    return card(
        title,
        figures.span(*look.filters.dates(look.meta.last_date, look.meta.today)),
        table(columns, drawn),
        below,
    )


def moves(look: Look, models: tuple[str, str], level: str, shown: str) -> Markup:
    params = look.filters.params(models=models)
    rows = look.api.rows("/campaigns", [*params, ("by", level)])
    found = sorted(two(rows, level, models, shown), key=lambda row: (-abs(row.second - row.first), row.name))
    some = [row for row in found if row.first or row.second][:_MOST_SHIFTS]
    names = figures.model(models[0]), figures.model(models[1])
    title = f"What {names[0].lower()} and {names[1].lower()} see differently"
    if not some:
        return card(title, None, nothing_here("No conversions in these days."))
    told = f"Ring: {names[0].lower()}. Dot: {names[1].lower()}. The largest difference first."
    drawn = shifts(
        some,
        lambda number: look.meta.shown(number, shown),
        lambda number: look.meta.moved(number, shown),
        names,
    )
    return card(title, tag("span", told), drawn)
