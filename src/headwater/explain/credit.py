"""What each model credits to each step, as a table that fits its place."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from rich.cells import cell_len

from headwater.explain.facts import Explanation, Step
from headwater.explain.words import (
    Line,
    cut,
    decimals_of,
    exact,
    listed,
    money,
    origin,
    padded,
    paragraph,
    percent,
    visible,
)

NARROWEST_LABEL = 22
MOST_DECIMALS = 4  # of money that is shown exactly; the tables hold nine
GAP = 2


def credit(facts: Explanation, width: int) -> Iterator[Line]:
    """Two lines to a step: shares above, money below; as many tables as it takes to show every model."""
    currency = facts.conversion.currency
    money_in = f", in {currency}" if currency and facts.conversion.conversion_value is not None else ""
    yield Line(f"Credit{money_in}", "heading")
    models = list(dict.fromkeys(one.attribution_model for one in facts.credits))
    columns = [_Column(model, facts) for model in models]
    left = columns
    widest_label = max((cell_len(text) for step in facts.steps for text in _labels(step)), default=0)
    while left:
        fitting = 1
        while fitting < len(left) and _taken(left[: fitting + 1]) <= width - NARROWEST_LABEL:
            fitting += 1
        yield Line()
        yield from _table(facts, left[:fitting], min(widest_label, width - _taken(left[:fitting])))
        left = left[fitting:]
    notes = list(_notes(facts, columns))
    if notes:
        yield Line()
    for note in notes:
        yield from paragraph(note, width)


class _Column:
    """One model: its name in two lines, and for each step its share and money."""

    def __init__(self, model: str, facts: Explanation) -> None:
        first, _, second = model.partition("_")
        self.model = model
        self.name = (first, second) if second else ("", first)
        self.credits = {one.step_number: one for one in facts.credits if one.attribution_model == model}
        values = [one.credited_value for one in self.credits.values() if one.credited_value is not None]
        needed = max(map(decimals_of, values), default=2)
        self.is_exact = needed <= MOST_DECIMALS
        self._decimals = needed if self.is_exact else decimals_of(sum(values, Decimal(0)))
        self.total_share = percent(sum((one.credit for one in self.credits.values()), Decimal(0)))
        self.total = self._money(sum(values, Decimal(0))) if values else ""
        cells = [text for step in facts.steps for text in self.cells(step)]
        self.width = max(map(cell_len, [*self.name, self.total_share, self.total, *cells]))

    def cells(self, step: Step) -> tuple[str, str]:
        one = self.credits.get(step.step_number)
        if one is None:
            return "-", "-" if self.total else ""
        return percent(one.credit), "" if one.credited_value is None else self._money(one.credited_value)

    def _money(self, amount: Decimal) -> str:
        return money(amount, self._decimals)


def _taken(columns: Sequence[_Column]) -> int:
    return sum(column.width + GAP for column in columns)


def _labels(step: Step) -> tuple[str, str]:
    name = visible(step.campaign) if step.campaign else origin(step.source, step.medium, None)
    return f"{step.step_number:>3}  {visible(step.channel)}", " " * 5 + name


def _table(facts: Explanation, columns: Sequence[_Column], label: int) -> Iterator[Line]:
    for part in (0, 1):
        if any(column.name[part] for column in columns):
            yield _row("", [column.name[part] for column in columns], columns, label)
    for step in facts.steps:
        for part, text in enumerate(_labels(step)):
            yield _row(text, [column.cells(step)[part] for column in columns], columns, label)
    yield Line(" " * label + "".join(" " * GAP + "─" * column.width for column in columns))
    yield _row("     Sum", [column.total_share for column in columns], columns, label)
    if any(column.total for column in columns):
        yield _row("", [column.total for column in columns], columns, label)


def _row(name: str, cells: Sequence[str], columns: Sequence[_Column], label: int) -> Line:
    texts = [
        " " * (GAP + column.width - cell_len(cell)) + cell
        for cell, column in zip(cells, columns, strict=True)
    ]
    return Line((padded(cut(name, label), label) + "".join(texts)).rstrip())


def _notes(facts: Explanation, columns: Sequence[_Column]) -> Iterator[str]:
    steps = {step.step_number: step for step in facts.steps}
    for one in facts.credits:
        if (
            one.attribution_model == "last_click"
            and one.touchpoint_id != steps[one.step_number].touchpoint_id
        ):
            said = origin(one.source, one.medium, one.campaign)
            yield f"last_click credits the last touch of step {one.step_number}: {said}."
    rounded = [column.model for column in columns if not column.is_exact]
    if rounded:
        total = exact(facts.conversion.conversion_value or Decimal(0))
        yield (
            f"{listed(rounded)}: rounded here. The amounts in the tables have nine decimals and add up to "
            f"{total} exactly."
        )
