"""Which days of history a tick has to look at, so that a warehouse that keeps days apart reads no others.

All that it reads of the raw tables is one of three things, and the days of each are known before the statement is:

- `new` rows are of the batches since the last build, and the books say from when to when each batch is.
- Rows that an export has newly `covered` are of the days that it has brought: of a day in whichever time zone all
  moments lie within two days of each other.
- Of the devices that are `touched` it reads the events from a moment on, `scope_cuts`. Those that are not new counted
  in the last build as well: what has once ceased to count never does again before a full build. So they lie in a
  session that is published, and none of those ends after the last one.

What it publishes anew of the persons in scope is `published` on the days of their sessions.

One day too many costs bytes, never truth. docs/decisions.md has the argument in full."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import pyarrow as pa

from headwater.warehouse.protocol import Warehouse

ANY_DAY = re.compile(
    r"(?P<column>[\w.]+) >= timestamp '0001-01-01 00:00:00\+00' /\* (?P<which>new|covered|touched) days \*/"
)
MOST_SPANS = 100  # in one condition: where there are more, the shortest gaps are closed
DAY = timedelta(days=1)

Span = tuple[date, date]  # both ends in
Days = tuple[Span, ...]  # apart from each other, in their order

ALWAYS: Days = ((date.min, date.max),)


class DaysOfBuild:
    """Each is asked for when a statement first wants it: by then there is what it is found by."""

    def __init__(self, warehouse: Warehouse, place: str, from_batch: int, to_batch: int) -> None:
        self._warehouse, self._place = warehouse, place
        self._window = f"batch_id > {from_batch} and batch_id <= {to_batch}"

    @cached_property
    def new(self) -> Days:
        """Any day where an older version has kept the books."""
        spans = self._spans(
            f"""
            select distinct cast(first_event_at as date) as first_day, cast(last_event_at as date) as last_day
            from headwater_batches
            where {self._window} and accepted > 0
            """
        )
        return ALWAYS if any(None in span for span in spans) else days(spans)

    @cached_property
    def covered(self) -> Days:
        spans = self._spans(
            f"""
            select distinct cast(quarter as date) as first_day, cast(quarter as date) as last_day
            from headwater_coverage
            where {self._window}
            """
        )
        return wider(days(spans), 2)

    @cached_property
    def touched(self) -> Days:
        spans = self._spans(
            f"""
            select distinct cast(since_at as date) as first_day, cast(until_at as date) as last_day
            from {self._place}.scope_cuts
            """
        )
        return days([*spans, *self.new])

    @cached_property
    def published(self) -> Days:
        """Of what stands in the published tables of the persons in scope."""
        return days(
            self._spans(
                f"""
                select distinct cast(session_start as date) as first_day, cast(session_end as date) as last_day
                from {self._warehouse.schema}.stg_ga4_sessions
                where person_id in (select person_id from {self._place}.scope_persons)
                """
            )
        )

    def put_into(self, sql: str) -> str:
        return with_days(sql, lambda which: getattr(self, which))

    def _spans(self, sql: str) -> list[Span]:
        found: pa.Table = self._warehouse.query(sql)
        return list(zip(found["first_day"].to_pylist(), found["last_day"].to_pylist(), strict=True))


def with_days(sql: str, known: Callable[[str], Days]) -> str:
    """The statement with constants wherever it asks for the days of something."""
    return ANY_DAY.sub(lambda found: of_moments(found["column"], known(found["which"])), sql)


def days(spans: Iterable[Span]) -> Days:
    found = joined(sorted(spans), DAY)
    gaps = sorted(later[0] - sooner[1] for sooner, later in pairwise(found))
    return tuple(joined(found, gaps[-MOST_SPANS]) if len(found) > MOST_SPANS else found)


def joined(ordered: Iterable[Span], gap: timedelta) -> list[Span]:
    """Spans that lie no further apart than that become one."""
    found: list[Span] = []
    for first, last in ordered:
        if found and first - found[-1][1] <= gap:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def wider(found: Days, number: int) -> Days:
    return days((moved(first, -number), moved(last, number)) for first, last in found)


def moved(day: date, number: int) -> date:
    with suppress(OverflowError):
        return day + number * DAY
    return date.min if number < 0 else date.max


def of_moments(column: str, found: Days) -> str:
    """The condition on a column of moments. It names the column where there is no day, too: a table that is kept by
    days takes no statement that does not."""
    spans = [
        f"{column} >= timestamp '{first} 00:00:00+00'"
        + (f" and {column} < timestamp '{last + DAY} 00:00:00+00'" if last < date.max else "")
        for first, last in found
    ]
    never = f"{column} < timestamp '{date.min} 00:00:00+00'"
    return f"({' or '.join(spans or [never])})"


def of_dates(column: str, found: Days) -> str:
    """The condition on a column of dates: those of the reporting time zone are at most a day from those in UTC."""
    spans = [f"{column} between date '{first}' and date '{last}'" for first, last in wider(found, 1)]
    return f"({' or '.join(spans) or 'false'})"
