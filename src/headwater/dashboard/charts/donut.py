"""Shares of a whole as a ring, the largest first, with names and shares beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

from headwater.dashboard import figures
from headwater.dashboard.markup import Markup, div, dot, join, span, tag

_RADIUS, _THICK = 62.0, 25
_ROUND = 2 * pi * _RADIUS
_GAP = 1.2
MOST = 7


@dataclass(frozen=True)
class Share:
    name: str
    colour: str
    value: float


def gathered(found: Sequence[Share], rest_colour: str) -> list[Share]:
    """Few enough to be told apart; what is left over is one."""
    some = sorted((one for one in found if one.value > 0), key=lambda one: (-one.value, one.name))
    if len(some) <= MOST + 1:
        return some
    rest = sum(one.value for one in some[MOST:])
    return [*some[:MOST], Share(f"{len(some) - MOST} others", rest_colour, rest)]


def donut(found: Sequence[Share], middle: str, below: str, shown: Sequence[str]) -> Markup:
    """`shown` is the value of each, as it is written."""
    whole = sum(one.value for one in found) or 1
    arcs, keys, start = [], [], 0.0
    for one, said in zip(found, shown, strict=True):
        length = one.value / whole * _ROUND
        share = figures.percent(one.value / whole)
        arcs.append(
            tag(
                "circle",
                cx="84",
                cy="84",
                r=f"{_RADIUS:g}",
                fill="none",
                stroke=one.colour,
                stroke_width=_THICK,
                stroke_dasharray=f"{max(length - _GAP, 0.4):.2f} {_ROUND:.2f}",
                stroke_dashoffset=f"{-start:.2f}",
                transform="rotate(-90 84 84)",
                data_tip=f"{one.name}\n{said} · {share}",
            )
        )
        keys.append(
            div("", span("cut", dot(one.colour), one.name), span("num soft", said), span("num", share))
        )
        start += length
    words = join(
        tag("text", middle, x="84", y="86", class_="mid"),
        tag("text", below, x="84", y="104", class_="midsub"),
    )
    return div(
        "donut",
        tag("svg", *arcs, words, viewBox="0 0 168 168", role="img", aria_label=below),
        div("keys", *keys),
    )
