"""How it goes, in ten seconds: the few figures, the days, the channels, and what has moved most."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from headwater.dashboard import figures, moved, view
from headwater.dashboard.canvas import show
from headwater.dashboard.charts.bars import Sides, legend, sides
from headwater.dashboard.charts.cards import Figure, card, figures_row
from headwater.dashboard.charts.donut import Share, donut, gathered
from headwater.dashboard.charts.lines import Line, lines
from headwater.dashboard.charts.states import nothing_here
from headwater.dashboard.client import Params
from headwater.dashboard.filter_bar import measure
from headwater.dashboard.filters import compared
from headwater.dashboard.markup import Markup, div
from headwater.dashboard.palette import of_channel, of_model
from headwater.dashboard.view import Look

Row = dict[str, Any]
NAMES = {"value": "Revenue", "conversions": "Conversions"}
_MOST_CHANNELS = 10


def page() -> None:
    view.page("Overview", body, every=3.0, bar="compared", own=("measure",))


def body(look: Look) -> None:
    models = compared(look.filters.model, look.meta.models)
    shown = measure()
    params = look.filters.params(models=models if look.filters.model else look.meta.models)
    told = look.api.get("/overview", params)
    if not told["sessions"]["now"] and not _has_conversions(told):
        show("overview", nothing_here("Nothing in these days", _where_data_are(look)))
        return
    channels = look.api.rows("/channels", params)
    before = look.api.rows("/channels", _before(look, told, params))
    facts = _moved(look, told, params, shown)
    days = (date.fromisoformat(told["to"]) - date.fromisoformat(told["from"])).days + 1
    parts = [
        *kpis(look, told, models, shown, (channels, before)),
        div("said", moved.sentence(facts, days, look.meta.currency)) if facts else "",
    ]
    if _has_conversions(told):
        daily = look.api.rows("/timeseries", look.filters.params(models=models))
        by_channel = shares(look, channels, models[-1], shown), by_model(look, channels, models, shown)
        parts += [time(look, daily, models, shown), div("grid2", *by_channel)]
    else:
        parts.append(
            nothing_here("No conversions in these days", "Widen the dates or the filters to see some.")
        )
    show("overview", div("stack", *parts))


def _has_conversions(told: Row) -> bool:
    return any(one["conversions"]["now"] for one in told["models"])


def _where_data_are(look: Look) -> str:
    first, last = look.meta.first_date, look.meta.last_date
    there = f"There are data from {figures.span(first, last)}. " if first and last else ""
    return f"{there}Choose other dates, or take a filter away."


def _before(look: Look, told: Row, params: Params) -> Params:
    """The same question about the days before."""
    dates = [("from", told["previous_from"]), ("to", told["previous_to"])]
    return [*dates, *((name, value) for name, value in params if name not in ("from", "to"))]


def _moved(look: Look, told: Row, params: Params, shown: str) -> moved.Facts | None:
    """What the API says of revenue; of conversions it is found here."""
    facts: moved.Facts | None = told["moved"]
    if facts is None or facts["measure"] == shown:
        return facts
    by = [("by", "channel,campaign")]
    now, before = (
        look.api.all_rows("/campaigns", [*asked, *by]) for asked in (params, _before(look, told, params))
    )
    return moved.found(now, before, told["model"], shown)


def kpis(
    look: Look, told: Row, models: Sequence[str], shown: str, channels: tuple[list[Row], list[Row]]
) -> list[Markup]:
    """The revenue of each model has a row of its own, but for where it is one and the same."""
    by_model = {one["model"]: one for one in told["models"]}
    found = [
        _figure(
            look, f"{figures.model(model)} conversions", by_model[model]["conversions"], "conversions", model
        )
        for model in models
    ]
    revenues = {model: by_model[model]["value"] for model in by_model}
    is_same = len({round(float(one["now"] or 0), 2) for one in revenues.values()}) == 1
    if is_same:
        each = (
            f"by each of the {len(revenues)} models"
            if len(revenues) > 1
            else figures.model(models[0]).lower()
        )
        found.append(_figure(look, f"Revenue, {each}", revenues[models[-1]], "value"))
    if len(models) > 1:
        found.append(_difference(look, by_model, models, shown, channels))
    found.append(_rate(told))
    rows = [figures_row(found)]
    if not is_same:
        rows.append(
            figures_row(
                _figure(look, f"{figures.model(model)} revenue", one, "value", model)
                for model, one in revenues.items()
            )
        )
    return rows


def _figure(look: Look, name: str, told: Row, measured: str, model: str | None = None) -> Figure:
    was = f"was {look.meta.shown(told['before'], measured)}"
    colour = of_model(model) if model else None
    return Figure(name, look.meta.shown(told["now"], measured), told["change"], was, colour)


def _difference(
    look: Look, told: Row, models: Sequence[str], shown: str, channels: tuple[list[Row], list[Row]]
) -> Figure:
    """In percent. Where both come to the same, how much of it they credit to different channels."""
    first, last = (told[model][shown] for model in (models[0], models[-1]))
    name = f"{figures.model(models[-1])} against {figures.model(models[0]).lower()}"
    of = NAMES[shown].lower()
    now, before = (_ratio(first[when], last[when]) for when in ("now", "before"))
    if now is None or abs(now) >= 0.0005:
        was = f"of {of}, was {figures.change(before)}" if before is not None else f"of {of}"
        return Figure(name, figures.change(now), None, was)
    now, before = (_elsewhere(rows, models, shown) for rows in channels)
    was = f", was {figures.percent(before)}" if before is not None else ""
    tip = (
        f"Both credit the same {of} in all, but not to the same channels: so much of it goes to another channel by "
        f"{figures.model(models[-1]).lower()} than by {figures.model(models[0]).lower()}."
    )
    return Figure(name, figures.percent(now), None, f"to other channels{was}", tip=tip)


def _ratio(first: float | None, second: float | None) -> float | None:
    return (second - first) / first if first and second is not None else None


def _elsewhere(rows: list[Row], models: Sequence[str], shown: str) -> float | None:
    """The share that the last model credits to other channels than the first."""
    pairs = [tuple(float(row[f"{model}_{shown}"]) for model in (models[0], models[-1])) for row in rows]
    whole = sum(first for first, _ in pairs)
    return sum(abs(last - first) for first, last in pairs) / 2 / whole if whole else None


def _rate(told: Row) -> Figure:
    rate = told["conversion_rate"]
    was = f"was {figures.percent(rate['before'], 2)}"
    tip = f"Conversions for each of {figures.count(told['sessions']['now'])} sessions"
    return Figure("Conversion rate", figures.percent(rate["now"], 2), rate["change"], was, tip=tip)


def time(look: Look, rows: list[Row], models: Sequence[str], shown: str) -> Markup:
    days = sorted({row["date"] for row in rows})
    values = {(row["date"], row["model"]): float(row[shown]) for row in rows}
    drawn = [
        Line(figures.model(model), of_model(model), [values.get((day, model), 0.0) for day in days])
        for model in models
    ]
    tips = [
        "\n".join(
            [figures.day(day), *(f"{line.name}: {look.meta.shown(line.values[at], shown)}" for line in drawn)]
        )
        for at, day in enumerate(days)
    ]
    names = [figures.day(day) for day in days]
    drawing = lines(
        names,
        drawn,
        lambda number: look.meta.shown(number, shown),
        tips,
        are_whole=shown == "conversions",
    )
    title = f"{NAMES[shown]} per day, {figures.listed([line.name.lower() for line in drawn])}"
    is_one = (
        len(drawn) > 1 and len({tuple(line.values) for line in drawn}) == 1 and not look.filters.narrowing
    )
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
        return card(title, figures.model(model), nothing_here(f"No {NAMES[shown].lower()} in these days."))
    whole = look.meta.shown(sum(one.value for one in some), shown)
    drawn = donut(some, whole, NAMES[shown].lower(), [look.meta.shown(one.value, shown) for one in some])
    return card(title, figures.model(model), drawn)


def by_model(look: Look, rows: list[Row], models: Sequence[str], shown: str) -> Markup:
    found = sorted(
        compare(rows, "channel", models, shown), key=lambda row: (-row.values[-1], -row.values[0], row.name)
    )
    some = [row for row in found if any(row.values)][:_MOST_CHANNELS]
    names = [figures.model(model) for model in models]
    title = f"{NAMES[shown]} by channel, {figures.listed([name.lower() for name in names])}"
    if not some:
        return card(title, None, nothing_here(f"No {NAMES[shown].lower()} in these days."))
    told = f"Right: {names[-1].lower()} less {names[0].lower()}" if len(models) > 1 else ""
    key = legend([(name, of_model(model)) for name, model in zip(names, models, strict=True)], told)
    drawn = sides(
        some,
        models,
        lambda number: look.meta.shown(number, shown),
        lambda number: look.meta.moved(number, shown),
    )
    return card(title, key, drawn)


def compare(rows: list[Row], name: str, models: Sequence[str], shown: str) -> list[Sides]:
    return [
        Sides(
            figures.nameless(row[name]),
            of_channel(row[name]) if name == "channel" else "var(--accent)",
            tuple(float(row[f"{model}_{shown}"]) for model in models),
        )
        for row in rows
    ]
