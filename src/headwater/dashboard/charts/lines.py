"""A line per model over time. The drawing stretches with its card; its words do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from headwater.dashboard.markup import Markup, div, join, span, tag

_WIDTH, _HEIGHT = 1000.0, 250.0
_LABELS = 6
_APART = 8.0  # percent of the height: closer labels are pushed from each other


@dataclass(frozen=True)
class Line:
    name: str
    colour: str
    values: Sequence[float]


def ceiling(most: float, steps: int = 4) -> float:
    """The least round number that `steps` round steps reach."""
    if most <= 0:
        return float(steps)
    raw = most / steps
    power = 10.0 ** floor(log10(raw))
    step = next(
        factor * power for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if factor * power >= raw * (1 - 1e-9)
    )
    return step * steps


def lines(
    days: Sequence[str], found: Sequence[Line], shown: Callable[[float], str], tip: Sequence[str]
) -> Markup:
    """`days` as they are written below, `tip` what is said of each."""
    top = ceiling(max((value for line in found for value in line.values), default=0))
    last = max(len(days) - 1, 1)
    grid = [
        join(
            div("rule", style=f"top:{100 - step * 25}%"),
            div("y", shown(top * step / 4), style=f"top:{100 - step * 25}%"),
        )
        for step in range(5)
    ]
    every = max(-(-len(days) // _LABELS), 1)
    below = [
        div("x odd" if (number // every) % 2 else "x", name, style=f"left:{number / last * 100:.2f}%")
        for number, name in enumerate(days)
        if number % every == 0
    ]
    paths = [_path(line, last, top, is_under=line is not found[-1]) for line in found]
    drawing = tag(
        "svg", *paths, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", preserveAspectRatio="none", role="img"
    )
    width = 100 / last
    hover = [
        div("at", style=f"left:{number / last * 100 - width / 2:.3f}%;width:{width:.3f}%", data_tip=said)
        for number, said in enumerate(tip)
    ]
    return div("plot", *grid, drawing, *below, *_ends(found, top), *hover)


def _path(line: Line, last: int, top: float, *, is_under: bool) -> Markup:
    """Where two lines are one, the wider one below is still to be seen."""
    points = [
        f"{number / last * _WIDTH:.1f},{_HEIGHT - value / top * _HEIGHT:.1f}"
        for number, value in enumerate(line.values)
    ]
    return tag(
        "polyline",
        points=" ".join(points),
        fill="none",
        stroke=line.colour,
        stroke_width="5" if is_under else "2.25",
        stroke_opacity=".55" if is_under else None,
        stroke_linejoin="round",
        stroke_linecap="round",
        vector_effect="non-scaling-stroke",
    )


def _ends(found: Sequence[Line], top: float) -> list[Markup]:
    """Names at the ends of the lines, apart from each other."""
    places = sorted(
        ((100 - line.values[-1] / top * 100, line) for line in found if line.values), key=lambda one: one[0]
    )
    spread: list[float] = []
    for place, _ in places:
        spread.append(max(place, spread[-1] + _APART) if spread else place)
    over = max(spread[-1] - 100, 0) if spread else 0
    return [
        span("end", line.name, style=f"top:{place - over:.2f}%;--c:{line.colour}")
        for place, (_, line) in zip(spread, places, strict=True)
    ]
