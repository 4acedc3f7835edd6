"""A line per model over time. The drawing stretches with its card; its words do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from headwater.dashboard.markup import Markup, div, join, span, tag

_WIDTH, _HEIGHT = 1000.0, 250.0
_LABELS = 6
_STEPS = 4  # of the scale
_FEW = 7  # days: each has a point of its own
_APART = 8.0  # percent of the height: closer labels are pushed from each other


@dataclass(frozen=True)
class Line:
    name: str
    colour: str
    values: Sequence[float]


def ceiling(most: float, steps: int = _STEPS) -> float:
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
    days: Sequence[str],
    found: Sequence[Line],
    shown: Callable[[float], str],
    tip: Sequence[str],
    *,
    are_whole: bool = False,
) -> Markup:
    """`days` as they are written below, `tip` what is said of each; `are_whole`: parts of one are no mark beside."""
    most = max((value for line in found for value in line.values), default=0)
    top = max(ceiling(most), _STEPS if are_whole else 0)
    grid = [
        join(
            div("rule", style=f"top:{100 - step * 25}%"),
            div("y", shown(top * step / _STEPS), style=f"top:{100 - step * 25}%"),
        )
        for step in range(_STEPS + 1 if most > 0 else 1)  # nothing has no scale
    ]
    every = max(-(-len(days) // _LABELS), 1)
    to_last = range(len(days) - 1, -1, -1)  # the last day always has its label
    below = [
        div("x odd" if (left // every) % 2 else "x", name, style=f"left:{_left(number, days):.2f}%")
        for number, (left, name) in enumerate(zip(to_last, days, strict=True))
        if left % every == 0
    ]
    paths = [_path(line, days, top, is_under=line is not found[-1]) for line in found]
    drawing = tag(
        "svg", *paths, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", preserveAspectRatio="none", role="img"
    )
    width = 100 / max(len(days) - 1, 1)
    hover = [
        div("at", style=f"left:{_left(number, days) - width / 2:.3f}%;width:{width:.3f}%", data_tip=said)
        for number, said in enumerate(tip)
    ]
    return div("plot", *grid, drawing, *_points(found, days, top), *below, *_ends(found, top), *hover)


def _left(number: int, days: Sequence[str]) -> float:
    """One day alone stands in the middle."""
    return number / (len(days) - 1) * 100 if len(days) > 1 else 50.0


def _path(line: Line, days: Sequence[str], top: float, *, is_under: bool) -> Markup:
    """Where two lines are one, the wider one below is still to be seen."""
    points = [
        f"{_left(number, days) / 100 * _WIDTH:.1f},{_HEIGHT - value / top * _HEIGHT:.1f}"
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


def _points(found: Sequence[Line], days: Sequence[str], top: float) -> list[Markup]:
    """Of few days, of which a line alone shows little, and of one nothing."""
    if len(days) > _FEW:
        return []
    return [
        span(
            "pt under" if line is not found[-1] else "pt",
            style=f"left:{_left(number, days):.2f}%;top:{100 - value / top * 100:.2f}%;--c:{line.colour}",
        )
        for line in found
        for number, value in enumerate(line.values)
    ]


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
