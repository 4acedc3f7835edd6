"""What a question may be asked with: read from the query string, and described, in one place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from headwater.errors import UsageError
from headwater.serve.filters import DIMENSIONS, LONGEST_VALUE, MOST_VALUES
from headwater.serve.formats import FORMATS
from headwater.settings import did_you_mean

MOST_ROWS = 100_000
USUAL_ROWS = 1_000


@dataclass(frozen=True)
class Parameter:
    name: str
    told: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    default: Any = None
    repeats: bool = False

    def described(self) -> dict[str, Any]:
        schema = dict(self.schema)
        if self.repeats:
            schema = {"type": "array", "items": schema, "maxItems": MOST_VALUES}
        return {"name": self.name, "in": "query", "description": self.told, "schema": schema}


def read(takes: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """All that may be given, with its default where it is not; or one sentence on the first that is wrong."""
    known = {one.name: one for one in takes}
    found: dict[str, Any] = {one.name: () if one.repeats else one.default for one in takes}
    seen = set()
    for name, text in given:
        if name not in known:
            raise UsageError(
                f"There is no parameter {name[:100]!r} here{did_you_mean(name, known) or ':'} "
                f"it takes {', '.join(known) or 'none'}."
            )
        one = known[name]
        if one.repeats:
            found[name] = (*found[name], one.read(text))
        elif name in seen:
            raise UsageError(f"{name} is given twice: give it once.")
        else:
            found[name] = one.read(text)
        seen.add(name)
    return found


def _day(name: str) -> Callable[[str], date]:
    def read(text: str) -> date:
        try:
            if len(text) != len("2026-05-01"):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise UsageError(
                f"{name} must be a date such as 2026-05-01, and {text[:40]!r} is none."
            ) from None

    return read


def _number(name: str, least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
            return int(text)
        raise UsageError(f"{name} must be a whole number from {least} to {most}, and {text[:40]!r} is none.")

    return read


def choice(name: str, told: str, words: Sequence[str], default: str | None = None) -> Parameter:
    def read(text: str) -> str:
        if text not in words:
            raise UsageError(
                f"{name} must be one of {', '.join(words)}{did_you_mean(text, words)}, and {text[:40]!r} is none."
            )
        return text

    return Parameter(name, told, {"type": "string", "enum": list(words)}, read, default)


def _columns(name: str, told: str, words: Sequence[str], default: Sequence[str]) -> Parameter:
    """Several names, once each, with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if len(set(names)) < len(names) or not set(names) <= set(words):
            raise UsageError(
                f"{name} must be some of {', '.join(words)}, with commas between them, each once."
            )
        return names

    pattern = "|".join(words)
    return Parameter(
        name, told, {"type": "string", "pattern": f"^({pattern})(,({pattern}))*$"}, read, tuple(default)
    )


def _text(name: str) -> Parameter:
    schema = {"type": "string", "maxLength": LONGEST_VALUE, "pattern": "^[^\\u0000]*$"}
    return Parameter(name, f"only this {name.replace('_', ' ')}; empty: not set", schema, str, repeats=True)


_DATE = {"type": "string", "format": "date"}
FORMAT = choice("format", "how to answer; an Accept header does the same", FORMATS)
DATES = (
    Parameter("from", "the first day, in the reporting time zone", _DATE, _day("from")),
    Parameter("to", "the last day", _DATE, _day("to")),
)
MODEL = Parameter("model", "only this model", {"type": "string", "maxLength": 100}, str, repeats=True)
FILTERS = (*DATES, *map(_text, ("conversion_event", *DIMENSIONS)), MODEL)
OF_EVENTS = tuple(map(_text, ("event_name", *DIMENSIONS)))
LIMIT = Parameter(
    "limit",
    "how many rows at most",
    {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
    _number("limit", 1, MOST_ROWS),
    USUAL_ROWS,
)
CURSOR = Parameter("cursor", "where to go on: X-Next-Cursor of the page before", {"type": "string"}, str)
PAGE = (LIMIT, CURSOR)
FEW = Parameter(
    "limit",
    "how many events at most",
    {"type": "integer", "minimum": 1, "maximum": 1000},
    _number("limit", 1, 1000),
    20,
)
BY_CHANNEL = choice("by", "also by channel", ("model", "channel"), "model")
BY = _columns(
    "by", "what a row is, with commas between several", DIMENSIONS, ("source", "medium", "campaign")
)
BY_COMPARED = _columns("by", "what a row is, with commas between several", DIMENSIONS, ("channel",))
PERSONS = choice(
    "persons", "also of how many persons the sessions are, which takes longer", ("no", "yes"), "no"
)
GRAIN = choice("grain", "how long a point of time is", ("day", "week", "month"), "day")
BASE = Parameter(
    "base", "the model that is compared with", {"type": "string", "maxLength": 100}, str, "first_click"
)
AGAINST = Parameter(
    "against", "the model that is compared", {"type": "string", "maxLength": 100}, str, "last_click"
)
