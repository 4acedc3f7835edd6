"""Bars: two models side by side for each channel, the way from one to the other, and how often each number occurs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.dashboard.markup import Markup, div, dot, span, tag
from headwater.dashboard.palette import of_model

Shown = Callable[[float], str]


@dataclass(frozen=True)
class Two:
    """What one channel has by the first model and by the second."""

    name: str
    colour: str
    first: float
    second: float


def legend(names: Sequence[tuple[str, str]], told: str = "") -> Markup:
    return div("legend", *(tag("span", dot(colour), name) for name, colour in names), tag("span", told))


def pairs(rows: Sequence[Two], models: tuple[str, str], shown: Shown, moved: Shown) -> Markup:
    most = max((max(row.first, row.second) for row in rows), default=0) or 1
    return div("pairs", *(_pair(row, models, most, shown, moved) for row in rows))


def _pair(row: Two, models: tuple[str, str], most: float, shown: Shown, moved: Shown) -> Markup:
    bars = [
        div(
            "bar",
            tag("i", style=f"--w:{max(value, 0) / most:.4f};--c:{of_model(model)}"),
            tag("span", shown(value)),
        )
        for model, value in zip(models, (row.first, row.second), strict=True)
    ]
    label = div("label", dot(row.colour), span("cut", row.name), title=row.name)
    return div("pair", label, div("two", *bars), div("num soft", moved(row.second - row.first)))


def shifts(rows: Sequence[Two], shown: Shown, moved: Shown, names: tuple[str, str]) -> Markup:
    """From a ring, the first model, to a dot, the second."""
    most = max((max(row.first, row.second) for row in rows), default=0) or 1
    return div("dumb", *(_shift(row, most, shown, moved, names) for row in rows))


def _shift(row: Two, most: float, shown: Shown, moved: Shown, names: tuple[str, str]) -> Markup:
    start, end = (max(value, 0) / most * 100 for value in (row.first, row.second))
    low, high = sorted((start, end))
    track = div(
        "track",
        tag("i", style=f"left:{low:.2f}%;width:{high - low:.2f}%"),
        tag("b", class_="from", style=f"left:{start:.2f}%"),
        tag("b", style=f"left:{end:.2f}%"),
        style=f"--c:{row.colour}",
        data_tip=f"{row.name}\n{names[0]}: {shown(row.first)}\n{names[1]}: {shown(row.second)}",
    )
    label = div("label", dot(row.colour), span("cut", row.name), title=row.name)
    return div("", label, track, div("num", moved(row.second - row.first)))


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
