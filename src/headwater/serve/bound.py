"""What was asked, as conditions on the published tables."""

from collections.abc import Iterable, Sequence
from datetime import date

from headwater.serve.filters import DIMENSIONS, Asked
from headwater.warehouse import bound


class Bound(bound.Bound):
    def dates(self, column: str, first: date, last: date) -> str:
        return f"{column} between {self(first)} and {self(last)}"

    def one_of(self, column: str, values: Sequence[str]) -> Iterable[str]:
        """One of them, or not set where '' is one."""
        if not values:
            return
        named = [value for value in values if value]
        parts = [self.among(column, named)] if named else []
        if "" in values:
            parts.append(f"{column} is null")
        yield f"({' or '.join(parts)})"

    def credits(self, asked: Asked, first: date | None = None) -> str:
        """The condition on int_attribution_credits."""
        filters = asked.filters
        parts = [self.dates("conversion_date", first or asked.first, asked.last)]
        for name in ("conversion_event", *DIMENSIONS):
            parts += self.one_of(name, getattr(filters, name))
        parts += self.one_of("attribution_model", asked.models)
        return " and ".join(parts)

    def sessions(self, asked: Asked, first: date | None = None) -> str:
        """The condition on stg_ga4_sessions, which know of no conversion event."""
        parts = [self.dates("session_date", first or asked.first, asked.last)]
        for name in DIMENSIONS:
            parts += self.one_of(name, getattr(asked.filters, name))
        return " and ".join(parts)

    def conversions(self, asked: Asked) -> str:
        """The condition on int_conversions: that one of its steps matches."""
        parts = [self.dates("conversion_date", asked.first, asked.last)]
        parts += self.one_of("conversion_event", asked.filters.conversion_event)
        steps = [part for name in DIMENSIONS for part in self.one_of(name, getattr(asked.filters, name))]
        if steps:
            parts.append(
                f"conversion_id in (select conversion_id from int_user_journeys where {' and '.join(steps)})"
            )
        return " and ".join(parts)
