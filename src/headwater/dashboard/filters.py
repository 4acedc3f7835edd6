"""What a page is narrowed to, as the address of the page says it: so a view can be sent to somebody."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

DIMENSIONS = ("channel", "source", "medium", "campaign")
MANY = ("conversion_event", *DIMENSIONS, "model")
NAMES = ("from", "to", *MANY)
USUAL_DAYS = 14
MOST_VALUES = 100
LONGEST_VALUE = 1000


@dataclass(frozen=True)
class Filters:
    """No dates: the usual days up to the last one with data. A value of '' stands for: not set."""

    first: date | None = None
    last: date | None = None
    conversion_event: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    medium: tuple[str, ...] = ()
    campaign: tuple[str, ...] = ()
    model: tuple[str, ...] = ()

    def params(self, *, models: Sequence[str] = ()) -> list[tuple[str, str]]:
        """As a question to the API has them; `models` in place of those that are chosen."""
        chosen = replace(self, model=tuple(models)) if models else self
        return [(name, value) for name, values in chosen.in_url().items() for value in values]

    def in_url(self) -> dict[str, list[str]]:
        """Only what is narrowed."""
        found: dict[str, list[str]] = {}
        if self.first and self.last:
            found |= {"from": [self.first.isoformat()], "to": [self.last.isoformat()]}
        return found | {name: list(getattr(self, name)) for name in MANY if getattr(self, name)}

    def of(self, name: str) -> tuple[str, ...]:
        values: tuple[str, ...] = getattr(self, name)
        return values

    def narrowed(self, name: str, values: Iterable[str]) -> "Filters":
        changes: dict[str, Any] = {name: tuple(values)}
        return replace(self, **changes)

    def dates(self, last_date: date | None, today: date) -> tuple[date, date]:
        """Those that are asked for, or the API's own."""
        if self.first and self.last:
            return self.first, self.last
        last = min(last_date or today, today)
        return last - timedelta(days=USUAL_DAYS - 1), last

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """Each value that is chosen, without the dates and models."""
        return [(name, value) for name in ("conversion_event", *DIMENSIONS) for value in self.of(name)]

    @property
    def way_down(self) -> tuple[str, ...]:
        """What drilling down has passed."""
        return DIMENSIONS[: DIMENSIONS.index(self.level)]

    @property
    def level(self) -> str:
        """What the next step of drilling down is about."""
        return next((name for name in DIMENSIONS if len(self.of(name)) != 1), DIMENSIONS[-1])


def read(given: Mapping[str, Sequence[str]], known_models: Sequence[str]) -> Filters:
    """Of an address that anybody may have written: what means nothing is left out."""
    first, last = (_day(given.get(name, ())) for name in ("from", "to"))
    if not first or not last or first > last:
        first = last = None
    many = {name: _values(given.get(name, ())) for name in MANY}
    many["model"] = tuple(name for name in many["model"] if name in known_models)
    return Filters(first, last, **many)


def compared(chosen: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """The models that a page compares: two, if there are two. One that is chosen alone stands beside last click, and
    last click beside first click."""
    picked = [name for name in configured if name in chosen]
    if len(picked) > 1:
        return tuple(picked)
    usual = [name for name in ("first_click", "last_click") if name in configured]
    rest = [name for name in configured if name not in usual]
    if not picked:
        return (*usual, *rest)[:2]
    beside = next((name for name in (*reversed(usual), *rest) if name not in picked), None)
    return tuple(name for name in (*usual, *rest) if name in (beside, *picked))


def _values(texts: Sequence[str]) -> tuple[str, ...]:
    fit = [text for text in texts if len(text) <= LONGEST_VALUE and "\0" not in text]
    return tuple(dict.fromkeys(fit))[:MOST_VALUES]


def _day(texts: Sequence[str]) -> date | None:
    try:
        return date.fromisoformat(texts[-1]) if texts and len(texts[-1]) == 10 else None
    except ValueError:
        return None
