"""The few figures at the top of a page, and the frames that all else stands in."""

from collections.abc import Iterable
from dataclasses import dataclass

from headwater.dashboard import figures
from headwater.dashboard.markup import Content, Markup, div, dot, join, span, tag


@dataclass(frozen=True)
class Figure:
    """`change` is against the days before; `than` is what is said of them."""

    name: str
    shown: str
    change: float | None = None
    than: str = ""
    colour: str | None = None
    tip: str | None = None


def figures_row(found: Iterable[Figure]) -> Markup:
    return div("kpis", *(_figure(one) for one in found))


def _figure(one: Figure) -> Markup:
    name = div("name", dot(one.colour) if one.colour else "", tag("span", one.name))
    moved = ""
    if one.change is not None:
        shown = figures.change(one.change)
        kind = "" if shown == "0.0%" else "up" if one.change > 0 else "down"
        moved = join(span(kind, shown), " ")
    return div("kpi", name, div("big", one.shown), div("than", moved, one.than), data_tip=one.tip)


def card(title: str, sub: Content, *body: Content, class_: str = "") -> Markup:
    below = div("sub", sub) if sub else ""
    return tag("section", tag("h2", title), below, *body, class_=f"card {class_}".strip())


def facts(found: Iterable[tuple[str, str]]) -> Markup:
    return div("facts", *(div("", div("name", name), div("big", shown)) for name, shown in found))
