"""Bars: two models side by side for each channel, the way from one to the other, and how often each number occurs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.dashboard.markup import Markup, div, dot, span, tag
from headwater.dashboard.palette import of_model

Shown = Callable[[float], str]


@dataclass(frozen=True)
class Sides:
    """What one channel has by each of the models that are compared."""

    name: str
    colour: str
    values: tuple[float, ...]

    @property
    def shift(self) -> float:
        """From the first model to the last."""
        return self.values[-1] - self.values[0]


def legend(names: Sequence[tuple[str, str]], told: str = "") -> Markup:
    return div("legend", *(tag("span", dot(colour), name) for name, colour in names), tag("span", told))


def sides(rows: Sequence[Sides], models: Sequence[str], shown: Shown, moved: Shown) -> Markup:
    most = max((value for row in rows for value in row.values), default=0) or 1
    return div("pairs", *(_sides(row, models, most, shown, moved) for row in rows))


def _sides(row: Sides, models: Sequence[str], most: float, shown: Shown, moved: Shown) -> Markup:
    bars = [
        div(
            "bar",
            tag("i", style=f"--w:{max(value, 0) / most:.4f};--c:{of_model(model)}"),
            tag("span", shown(value)),
        )
        for model, value in zip(models, row.values, strict=True)
    ]
    label = div("label", dot(row.colour), span("cut", row.name), title=row.name)
    shift = div("num soft", moved(row.shift)) if len(models) > 1 else ""
    return div("pair", label, div("two", *bars), shift, data_key=row.name)


def shifts(rows: Sequence[Sides], shown: Shown, moved: Shown, names: tuple[str, str]) -> Markup:
    """From a ring, the first model, to a dot, the last."""
    most = max((max(row.values[0], row.values[-1]) for row in rows), default=0) or 1
    return div("dumb", *(_shift(row, most, shown, moved, names) for row in rows))


def _shift(row: Sides, most: float, shown: Shown, moved: Shown, names: tuple[str, str]) -> Markup:
    start, end = (max(row.values[at], 0) / most * 100 for at in (0, -1))
    low, high = sorted((start, end))
    track = div(
        "track",
        tag("i", style=f"left:{low:.2f}%;width:{high - low:.2f}%"),
        tag("b", class_="from", style=f"left:{start:.2f}%"),
        tag("b", style=f"left:{end:.2f}%"),
        style=f"--c:{row.colour}",
        data_tip=f"{row.name}\n{names[0]}: {shown(row.values[0])}\n{names[1]}: {shown(row.values[-1])}",
    )
    label = div("label", dot(row.colour), span("cut", row.name), title=row.name)
    return div("", label, track, div("num", moved(row.shift)), data_key=row.name)


def histogram(bins: Sequence[tuple[str, float, str]]) -> Markup:
    """Each with its name, how high it is, and what is said of it."""
    most = max((value for _, value, _ in bins), default=0) or 1
    return div(
        "hist",
        *(
            div(
                "",
                tag("span", f"{value:,.0f}" if value else ""),
                tag("i", style=f"height:{value / most * 100:.1f}%"),
                div("x", name),
                data_tip=tip,
            )
            for name, value, tip in bins
        ),
    )
