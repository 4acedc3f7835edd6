"""How it goes, in ten seconds: the few figures, the days, the channels, and what has moved most."""

from typing import Any

from headwater.dashboard import figures, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.bars import Two, legend, pairs
from headwater.dashboard.charts.cards import Figure, card, figures_row
from headwater.dashboard.charts.donut import Share, donut, gathered
from headwater.dashboard.charts.lines import Line, lines
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.filter_bar import measure
from headwater.dashboard.filters import pair
from headwater.dashboard.markup import Markup, div, join
from headwater.dashboard.palette import of_channel, of_model
from headwater.dashboard.view import Look

Row = dict[str, Any]
NAMES = {"value": "Revenue", "conversions": "Conversions"}
_MOST_CHANNELS = 10


def page() -> None:
    view.page("Overview", body, every=3.0, bar="compared")


def body(look: Look) -> None:
    models = pair(look.filters.model, look.meta.models)
    shown = measure()
    params = look.filters.params(models=models)
    told = look.api.get("/overview", params)
    channels = look.api.rows("/channels", params)
    days = look.api.rows("/timeseries", params)
    moved = told["moved"]
    parts = [
        figures_row(kpis(look, told, models)),
        div("said", moved["sentence"]) if moved else "",
        time(look, days, models, shown),
        div("grid2", shares(look, channels, models[1], shown), sides(look, channels, models, shown)),
    ]
    show("overview", div("stack", *parts))


def kpis(look: Look, told: Row, models: tuple[str, str]) -> list[Figure]:
    by_model = {one["model"]: one for one in told["models"]}
    found = []
    for measured in ("conversions", "value"):
        for model in dict.fromkeys(models):
            one = by_model[model][measured]
            found.append(
                Figure(
                    f"{figures.model(model)} {NAMES[measured].lower()}",
                    look.meta.shown(one["now"], measured),
                    one["change"],
                    f"was {look.meta.shown(one['before'], measured)}",
                    of_model(model),
                )
            )
    first, second = (by_model[model]["value"] for model in models)
    now, before = (_difference(first[when], second[when]) for when in ("now", "before"))
    found.append(
        Figure(
            f"{figures.model(models[1])} against {figures.model(models[0]).lower()}",
            figures.change(now),
            None,
            f"of revenue, was {figures.change(before)}"
            if now or look.filters.narrowing
            else "the same in total",
            tip="Over all channels every model shares out the same revenue: narrow to a channel to see them differ.",
        )
    )
    rate = told["conversion_rate"]
    before_rate = f"was {figures.percent(rate['before'], 2)}"
    tip = f"Conversions for each of {figures.count(told['sessions']['now'])} sessions"
    found.append(
        Figure("Conversion rate", figures.percent(rate["now"], 2), rate["change"], before_rate, tip=tip)
    )
    return found


def _difference(first: float | None, second: float | None) -> float | None:
    return (second - first) / first if first and second is not None else None


def time(look: Look, rows: list[Row], models: tuple[str, str], shown: str) -> Markup:
    days = sorted({row["date"] for row in rows})
    values = {(row["date"], row["model"]): float(row[shown]) for row in rows}
    drawn = [
        Line(figures.model(model), of_model(model), [values.get((day, model), 0.0) for day in days])
        for model in dict.fromkeys(models)
    ]
    tips = [
        "\n".join(
            [figures.day(day), *(f"{line.name}: {look.meta.shown(line.values[at], shown)}" for line in drawn)]
        )
        for at, day in enumerate(days)
    ]
    names = [figures.day(day) for day in days]
    drawing = lines(names, drawn, lambda number: look.meta.shown(number, shown), tips)
    title = f"{NAMES[shown]} per day, {' and '.join(line.name.lower() for line in drawn)}"
    is_one = len({tuple(line.values) for line in drawn}) == 1 and not look.filters.narrowing
    told = (
        "Over all channels they are the same. Choose a channel under Filters to see them part."
        if is_one
        else ""
    )
    return card(title, legend([(line.name, line.colour) for line in drawn], told), drawing)


def shares(look: Look, rows: list[Row], model: str, shown: str) -> Markup:
    found = [
        Share(row["channel"], of_channel(row["channel"]), float(row[f"{model}_{shown}"])) for row in rows
    ]
    some = gathered(found, of_channel(None))
    title = f"Share of {NAMES[shown].lower()} by channel"
    if not some:
        return card(title, figures.model(model), nothing_here("No conversions in these days."))
    whole = look.meta.shown(sum(one.value for one in some), shown)
    drawn = donut(some, whole, NAMES[shown].lower(), [look.meta.shown(one.value, shown) for one in some])
    return card(title, figures.model(model), drawn)


def sides(look: Look, rows: list[Row], models: tuple[str, str], shown: str) -> Markup:
    found = sorted(two(rows, "channel", models, shown), key=lambda row: (-row.second, -row.first, row.name))
    some = [row for row in found if row.first or row.second][:_MOST_CHANNELS]
    names = " and ".join(figures.model(model).lower() for model in models)
    key = legend([(figures.model(model), of_model(model)) for model in models])
    if not some:
        return card(f"{NAMES[shown]} by channel", names, nothing_here("No conversions in these days."))
    drawn = pairs(
        some,
        models,
        lambda number: look.meta.shown(number, shown),
        lambda number: look.meta.moved(number, shown),
    )
    return card(f"{NAMES[shown]} by channel, {names}", join(key), drawn)


def two(rows: list[Row], name: str, models: tuple[str, str], shown: str) -> list[Two]:
    return [
        Two(
            figures.nameless(row[name]),
            of_channel(row[name]) if name == "channel" else "var(--accent)",
            *(float(row[f"{model}_{shown}"]) for model in models),
        )
        for row in rows
    ]
