"""What each model credits to each step, as a table that fits its place."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from rich.cells import cell_len

from headwater.explain.facts import Credit, Explanation, Step
from headwater.explain.words import Line, cut, decimals_of, exact, money, origin, padded, percent, visible

NARROWEST_LABEL = 22
GAP = 2


def credit(facts: Explanation, width: int) -> Iterator[Line]:
    """Two lines to a step: shares above, money below; as many tables as it takes to show every model."""
    currency = facts.conversion.currency
    money_in = f", in {currency}" if currency and facts.conversion.conversion_value is not None else ""
    yield Line(f"Credit{money_in}", "heading")
    models = list(dict.fromkeys(one.attribution_model for one in facts.credits))
    columns = [_Column(model, facts) for model in models]
    while columns:
        fitting = 1
        while fitting < len(columns) and _taken(columns[: fitting + 1]) <= width - NARROWEST_LABEL:
            fitting += 1
        yield Line()
        yield from _table(facts, columns[:fitting], width - _taken(columns[:fitting]))
        columns = columns[fitting:]
    notes = list(_notes(facts))
    if notes:
        yield Line()
        yield from notes


class _Column:
    """One model: its name in two lines, and for each step its share and money."""

    def __init__(self, model: str, facts: Explanation) -> None:
        self.model = model
        first, _, second = model.partition("_")
        self.name = (first, second) if second else ("", first)
        self.credits = {one.step_number: one for one in facts.credits if one.attribution_model == model}
        self.decimals = _decimals(facts)
        shares = sum((one.credit for one in self.credits.values()), Decimal(0))
        self.total_share, self.total = percent(shares), self._money(self.credits.values())
        cells = [text for step in facts.steps for text in self.cells(step)]
        self.width = max(map(cell_len, [*self.name, self.total_share, self.total, *cells]))

    def cells(self, step: Step) -> tuple[str, str]:
        one = self.credits.get(step.step_number)
        return ("–", "–" if self.total else "") if one is None else (percent(one.credit), self._money([one]))

    def _money(self, credits: Sequence[Credit] | object) -> str:
        values = [one.credited_value for one in credits if one.credited_value is not None]  # type: ignore[attr-defined]
        return money(sum(values, Decimal(0)), self.decimals) if values else ""


def _decimals(facts: Explanation) -> int:
    return decimals_of(facts.conversion.conversion_value or Decimal(0))


def _taken(columns: Sequence[_Column]) -> int:
    return sum(column.width + GAP for column in columns)


def _table(facts: Explanation, columns: Sequence[_Column], label: int) -> Iterator[Line]:
    for part in (0, 1):
        yield _row("", [column.name[part] for column in columns], columns, label)
    for step in facts.steps:
        number = f"{step.step_number:>3}  "
        yield _row(number + visible(step.channel), [column.cells(step)[0] for column in columns], columns, label)
        name = visible(step.campaign) if step.campaign else origin(step.source, step.medium, None)
        yield _row(" " * 5 + name, [column.cells(step)[1] for column in columns], columns, label)
    yield Line(" " * label + "".join(" " * GAP + "─" * column.width for column in columns))
    yield _row("     Sum", [column.total_share for column in columns], columns, label)
    if any(column.total for column in columns):
        yield _row("", [column.total for column in columns], columns, label)


def _row(name: str, cells: Sequence[str], columns: Sequence[_Column], label: int) -> Line:
    texts = [" " * (GAP + column.width - cell_len(cell)) + cell for cell, column in zip(cells, columns, strict=True)]
    return Line((padded(cut(name, label), label) + "".join(texts)).rstrip())


def _notes(facts: Explanation) -> Iterator[Line]:
    steps = {step.step_number: step for step in facts.steps}
    for one in facts.credits:
        if one.attribution_model == "last_click" and one.touchpoint_id != steps[one.step_number].touchpoint_id:
            said = origin(one.source, one.medium, one.campaign)
            yield Line(f"last_click credits the last touch of step {one.step_number}: {said}")
    digits = _decimals(facts)
    values = [one.credited_value for one in facts.credits if one.credited_value is not None]
    if any(decimals_of(value) > digits for value in values):
        total = exact(facts.conversion.conversion_value or Decimal(0))
        yield Line(f"Amounts are rounded here; in the table they add up to {total} to the last digit.")
