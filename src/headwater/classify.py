"""A CSV of campaign tags in, the same with each row's channel out: mistakes seen before money is spent."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from headwater.channels import CustomRule, Decision, Group, classify, rules
from headwater.errors import SourceError

_DELIMITERS = (",", ";", "\t")
_NEEDED = ("source", "medium", "campaign")


def classify_csv(
    input: TextIO | Path,
    out: TextIO,
    *,
    group: Group = "ga4",
    custom_rules: Iterable[CustomRule] = (),
    explain: bool = False,
    on: date | None = None,
) -> Counter[str]:
    """Copies the rows to `out` with a channel (and with `explain` the rule and why); counts rows by channel.

    Rows are classified by the rules in force on the day `on`, today in UTC unless given."""
    decide = _decider(group, custom_rules, on)
    added = ("channel", "rule", "why") if explain else ("channel",)
    counts: Counter[str] = Counter()
    try:
        with _opened(input) as lines:
            table = _read_header(lines, _name(input), added)
            writer = csv.writer(out, delimiter=table.delimiter, lineterminator="\n")
            writer.writerow([*table.header, *added])
            for row in table.rows():
                decision = decide(*(row[index] for index in table.needed))
                counts[decision.channel] += 1
                answer = (decision.channel, decision.rule, decision.reads)
                writer.writerow([*row, *answer[: len(added)]])
    except UnicodeDecodeError:
        raise SourceError(f"{_name(input)} is not UTF-8 text; save it as “CSV UTF-8” and try again") from None
    except csv.Error as error:
        raise SourceError(f"{_name(input)} is not a readable CSV ({error}); save it as CSV again") from None
    return counts


@dataclass(frozen=True)
class _Table:
    """A CSV whose header is known: which delimiter it uses and where the three columns are."""

    name: str
    delimiter: str
    header: list[str]
    needed: list[int]
    lines: Iterator[str]

    def rows(self) -> Iterator[list[str]]:
        """Rows as wide as the header; blank lines are not rows."""
        reader = csv.reader(self.lines, delimiter=self.delimiter)
        for row in reader:
            if len(row) > len(self.header):
                raise SourceError(
                    f"line {reader.line_num + 1} of {self.name} has {len(row)} cells and the header "
                    f'{len(self.header)}; put a cell that holds a {self.delimiter!r} in double quotes ("…")'
                )
            if row:
                yield row + [""] * (len(self.header) - len(row))


def _read_header(lines: Iterator[str], name: str, added: tuple[str, ...]) -> _Table:
    first = next(lines, "").removeprefix("\ufeff")
    if not first.strip():
        raise SourceError(f"{name} has no header; its first line must name source, medium and campaign")
    delimiter = max(_DELIMITERS, key=lambda each: _merit(_cells(first, each)))
    header = _cells(first, delimiter)
    positions = _positions(header)
    missing = [column for column in _NEEDED if column not in positions]
    if missing:
        raise SourceError(
            f"{name} has no column {' and no column '.join(missing)} (it has: {', '.join(header)}); "
            f"add or rename it to {' and '.join(f'{column} or utm_{column}' for column in missing)}"
        )
    for column in added:
        if column in (cell.strip().lower() for cell in header):
            raise SourceError(f"{name} already has a column {column}, which would be added; rename it first")
    return _Table(name, delimiter, header, [positions[column] for column in _NEEDED], lines)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _merit(header: list[str]) -> tuple[int, int]:
    return len(_positions(header)), len(header)


def _positions(header: list[str]) -> dict[str, int]:
    """Where the three columns are; a plain name goes before its utm_ one, the first before a second."""
    names = [cell.strip().lower() for cell in header]
    found = {column: [name for name in (column, f"utm_{column}") if name in names] for column in _NEEDED}
    return {column: names.index(spelled[0]) for column, spelled in found.items() if spelled}


def _decider(
    group: Group, custom_rules: Iterable[CustomRule], on: date | None
) -> Callable[[str, str, str], Decision]:
    """Classifies by the rules of one day, and a repeated tag only once."""
    all_rules = rules(custom_rules)
    day = on or datetime.now(UTC).date()

    @lru_cache(maxsize=65536)
    def decide(source: str, medium: str, campaign: str) -> Decision:
        return classify(source, medium, campaign, day, group=group, rules=all_rules)

    return decide


def _opened(input: TextIO | Path) -> AbstractContextManager[TextIO]:
    if not isinstance(input, Path):
        return nullcontext(input)
    try:
        return input.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SourceError(
            f"{input} cannot be read ({error.strerror}); check the path and its rights"
        ) from None


def _name(input: TextIO | Path) -> str:
    return str(input) if isinstance(input, Path) else str(getattr(input, "name", "the input"))
