"""The way in which what was asked gets into SQL: as parameters, never as text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from headwater.serve.filters import DIMENSIONS, Asked
from headwater.warehouse.protocol import Parameter, Reader


@dataclass
class Bound:
    """Parameters of one statement, in the order of their numbers."""

    values: list[Parameter] = field(default_factory=list)

    def __call__(self, value: Parameter) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def dates(self, column: str, first: date, last: date) -> str:
        return f"{column} between {self(first)} and {self(last)}"

    def among(self, column: str, values: Sequence[str]) -> Iterable[str]:
        """One of them, or not set where '' is one."""
        if not values:
            return
        named = [value for value in values if value]
        parts = [f"{column} in ({', '.join(map(self, named))})"] if named else []
        if "" in values:
            parts.append(f"{column} is null")
        yield f"({' or '.join(parts)})"

    def credits(self, asked: Asked, first: date | None = None) -> str:
        """The condition on int_attribution_credits."""
        filters = asked.filters
        parts = [self.dates("conversion_date", first or asked.first, asked.last)]
        for name in ("conversion_event", *DIMENSIONS):
            parts += self.among(name, getattr(filters, name))
        parts += self.among("attribution_model", asked.models)
        return " and ".join(parts)

    def sessions(self, asked: Asked, first: date | None = None) -> str:
        """The condition on stg_ga4_sessions, which know of no conversion event."""
        parts = [self.dates("session_date", first or asked.first, asked.last)]
        for name in DIMENSIONS:
            parts += self.among(name, getattr(asked.filters, name))
        return " and ".join(parts)

    def conversions(self, asked: Asked) -> str:
        """The condition on int_conversions: that one of its steps matches."""
        parts = [self.dates("conversion_date", asked.first, asked.last)]
        parts += self.among("conversion_event", asked.filters.conversion_event)
        steps = [part for name in DIMENSIONS for part in self.among(name, getattr(asked.filters, name))]
        if steps:
            parts.append(
                f"conversion_id in (select conversion_id from int_user_journeys where {' and '.join(steps)})"
            )
        return " and ".join(parts)

    def run(self, reader: Reader, sql: str) -> pa.Table:
        return reader.query(sql, self.values)
