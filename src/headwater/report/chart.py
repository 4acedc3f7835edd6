"""Two small drawings as SVG: a line over the days, and bars beside each other. Each is drawn twice, for a wide page and
for a phone, where one that shrinks could not be read; the page shows the one that fits."""

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from math import ceil, floor, log10
from typing import Any

from headwater.report import words
from headwater.report.facts import NOT_SET

_BROAD, _NARROW = 900, 350
_HEIGHT, _RIGHT, _TOP, _BOTTOM = 260, 20, 14, 30
_LETTER, _DAY = 7, 100  # about as wide as a character, and as far as days are apart
_COLOURS = ("var(--first)", "var(--last)")
_MOST_BARS = 12
_BAR, _GAP = 15, 14
_LABEL, _NUMBER = 230, 110  # beside the bars; on a phone the label stands above them
_LINE = 18


def lines(series: Sequence[dict[str, Any]], model: str, unit: str) -> str:
    """Of one model: over all channels they are the same."""
    return "".join(_lines(series, model, unit, width) for width in (_BROAD, _NARROW))


def _lines(series: Sequence[dict[str, Any]], model: str, unit: str, wide: int) -> str:
    rows = [row for row in series if row["model"] == model]
    values = [float(row["value"]) for row in rows]
    least, most, step = _scale(values)
    said = {tick: f"{tick:,.{_decimals(step)}f}" for tick in _ticks(least, most, step)}
    left = 8 + _LETTER * max(map(len, said.values()))

    def x(place: int) -> float:
        return left + (wide - left - _RIGHT) * (place / max(len(rows) - 1, 1))

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - least) / (most - least))

    parts = [
        f'<line x1="{left}" x2="{wide - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="var(--line)"/>'
        f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{text}</text>'
        for tick, text in said.items()
    ]
    every = ceil(len(rows) * _DAY / wide)
    parts += [
        f'<text x="{x(place):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{_day(row["date"])}</text>'
        for place, row in enumerate(rows)
        if place % every == 0
    ]
    points = [(x(place), y(value)) for place, value in enumerate(values)]
    drawn = " ".join(f"{at:.1f},{height:.1f}" for at, height in points)
    parts.append(f'<polyline points="{drawn}" fill="none" stroke="var(--first)" stroke-width="2.5"/>')
    parts += [
        f'<circle cx="{at:.1f}" cy="{height:.1f}" r="3" fill="var(--first)">'
        f"<title>{_day(row['date'])}: {escape(words.money(value, unit))}</title></circle>"
        for (at, height), row, value in zip(points, rows, values, strict=True)
    ]
    return _drawing(wide, _HEIGHT, "Value by day", parts)


def bars(rows: Sequence[dict[str, Any]], by: str, models: Sequence[str]) -> str:
    return "".join(_bars(rows, by, models, width) for width in (_BROAD, _NARROW))


def _bars(rows: Sequence[dict[str, Any]], by: str, models: Sequence[str], wide: int) -> str:
    label, line = (_LABEL, 0) if wide == _BROAD else (0, _LINE)
    shown = rows[:_MOST_BARS]
    most = max([0.0, *(float(row[f"{model}_value"]) for row in shown for model in models)]) or 1.0
    group = line + _BAR * len(models) + _GAP
    parts = [
        f'<rect x="{label + place * 130}" y="2" width="10" height="10" fill="{colour}"/>'
        f'<text x="{label + place * 130 + 16}" y="11">{words.model(model)}</text>'
        for place, (model, colour) in enumerate(zip(models, _COLOURS, strict=False))
    ]
    for place, row in enumerate(shown):
        top = 26 + place * group
        name = row[by] or NOT_SET
        at = (
            f'x="0" y="{top + 12}"'
            if line
            else f'x="{label - 10}" y="{top + group / 2 - 3:.1f}" text-anchor="end"'
        )
        parts.append(
            f'<text class="name" {at}>{escape(_cut(name, 45 if line else 32))}<title>{escape(name)}</title></text>'
        )
        for number, (model, colour) in enumerate(zip(models, _COLOURS, strict=False)):
            value, height = float(row[f"{model}_value"]), top + line + number * _BAR
            width = max(value, 0.0) / most * (wide - label - _NUMBER)
            parts.append(
                f'<rect x="{label}" y="{height}" width="{width:.1f}" height="{_BAR - 1}" rx="2" fill="{colour}"/>'
                f'<text x="{label + width + 6:.1f}" y="{height + 11.5}">{words.money(value)}</text>'
            )
    return _drawing(wide, 26 + len(shown) * group, f"Value by {by}, by model", parts)


def _drawing(wide: int, height: int, told: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="{"broad" if wide == _BROAD else "narrow"}" viewBox="0 0 {wide} {height}" role="img" '
        f'aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """From 0, or below it, up to a round number; and the step between the lines."""
    least, most = min([0.0, *values]), max([0.0, *values])
    wide = (most - least) or 1.0
    rough = wide / 4
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return floor(least / step) * step, max(ceil(most / step) * step, step), step


def _ticks(least: float, most: float, step: float) -> Iterator[float]:
    for number in range(round((most - least) / step) + 1):
        yield least + number * step


def _decimals(step: float) -> int:
    return 0 if step >= 1 else min(2, ceil(-log10(step)))


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
