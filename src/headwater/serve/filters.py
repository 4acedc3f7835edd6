"""What a question is about: dates, and what its rows are narrowed to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from headwater.errors import UsageError
from headwater.settings import did_you_mean

USUAL_DAYS = 14
MOST_DAYS = 3660
MOST_VALUES = 100  # of one filter
LONGEST_VALUE = 1000

DIMENSIONS = ("channel", "source", "medium", "campaign")


@dataclass(frozen=True)
class Filters:
    """As asked; `resolved` fills in the dates. A value of '' stands for: not set."""

    first: date | None = None
    last: date | None = None
    models: tuple[str, ...] = ()
    conversion_event: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    medium: tuple[str, ...] = ()
    campaign: tuple[str, ...] = ()
    event_name: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("conversion_event", "event_name", *DIMENSIONS):
            values = getattr(self, name)
            if len(values) > MOST_VALUES:
                raise UsageError(f"{name} is named {len(values)} times: ask for at most {MOST_VALUES}.")
            for value in values:
                if len(value) > LONGEST_VALUE:
                    raise UsageError(
                        f"A value of {name} is longer than {LONGEST_VALUE} characters: shorten it."
                    )
                if "\0" in value:
                    raise UsageError(
                        f"A value of {name} holds a NUL character, which no table does: leave it out."
                    )

    @property
    def narrows_credits(self) -> bool:
        return any(getattr(self, name) for name in DIMENSIONS)

    def resolved(self, last_date: date | None, configured: Sequence[str], today: date) -> "Asked":
        models = self.models or tuple(configured)
        for model in models:
            check_model(model, configured)
        last = self.last or max(self.first or date.min, min(last_date or today, today))
        try:
            first = self.first or last - timedelta(days=USUAL_DAYS - 1)
            before = first - (last - first + timedelta(days=1))
        except OverflowError:
            raise UsageError("from lies before the first of all days: choose a later one.") from None
        if first > last:
            raise UsageError(f"from ({first}) is after to ({last}): swap them.")
        if (last - first).days >= MOST_DAYS:
            raise UsageError(f"from {first} to {last} is more than ten years: ask for fewer.")
        return Asked(replace(self, first=first, last=last, models=models), first, last, before)


def check_model(model: str, configured: Sequence[str]) -> None:
    if model not in configured:
        hint = did_you_mean(model, configured) or ":"
        raise UsageError(
            f"There is no model {model[:100]!r} here{hint} attribution.models names {', '.join(configured)}."
        )


@dataclass(frozen=True)
class Asked:
    """A question with its dates."""

    filters: Filters
    first: date
    last: date
    before: date  # the first of as many days before them

    @property
    def models(self) -> tuple[str, ...]:
        return self.filters.models

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def previous_last(self) -> date:
        return self.first - timedelta(days=1)

    def dates(self) -> dict[str, Any]:
        return {"from": self.first, "to": self.last}
