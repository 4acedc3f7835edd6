"""What statements read, reckoned from how many events come in.

BigQuery charges a query for the whole of each column that it names, on the days that constants in it name, and for 10
MB of every table at least. A filter by a column of a table's clusters may make it less; what a bill is at most is what
one wants to know, so nothing is taken off for it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.operate.basis import LIVE, Basis, Statement

LEAST = 10 * 2**20  # bytes, of a table in a query, and of a query
DAY = 86_400.0
PERSONS_PER_EVENT = 1.25  # that a tick recomputes: bench/incremental.py
NEW_DAYS = (
    4.0  # on which what is new to a tick lies, with its sessions: a streamed event is three days late at most
)
LAST_RETURNS = (
    15  # days: after any longer time persons are taken to come back as often as after the last so many
)

LOADED = ("ga4_events_raw", "scope_loaded_events")
STREAMED = ("events_streaming", "scope_streamed_events")


@dataclass(frozen=True)
class Looks:
    """At GA4's exports, which are taken in where they lie."""

    seconds: float  # from one to the next
    exports: int = 1  # among which the events are taken to be spread evenly
    has_intraday: bool = False  # a table of today, which has grown at each look

    @property
    def per_hour(self) -> float:
        return max(3600 / self.seconds, 1.0)


@dataclass(frozen=True)
class Workload:
    """How much comes in, and how much of it is kept where."""

    events_per_day: float
    loaded_days: float = 0.0  # of history in ga4_events_raw: the property's export
    streamed_days: float = 365.0  # of history in events_streaming
    repeat_days: float = (
        1.0  # of history in which an append looks for repeats; all of it where clients choose the ids
    )
    test_seconds: float = DAY  # from one run of the tests to the next; 0: never
    builds_per_month: float = 1.0
    looks: Looks | None = None

    @property
    def loaded(self) -> float:
        return self.events_per_day * self.loaded_days

    @property
    def streamed(self) -> float:
        return self.events_per_day * self.streamed_days

    @property
    def history(self) -> float:
        """Events that count: a day that was exported and streamed counts once."""
        return self.events_per_day * max(self.loaded_days, self.streamed_days)


@dataclass(frozen=True)
class Read:
    """What one statement reads, and what BigQuery charges it as: bytes."""

    name: str
    read: float
    billed: float


def days_in_scope(persons: float, history: float, known: Basis) -> float:
    """How many days of history hold something of so many persons: on each, unless none of them was there."""
    oldest = known.returns[-LAST_RETURNS:]
    beyond = sum(oldest) / len(oldest) if oldest else 1.0
    measured = known.returns[: math.ceil(history)]
    found: float = sum(1 - (1 - share) ** persons for share in measured)
    longer: float = max(history - len(measured), 0.0) * (1 - (1 - beyond) ** persons)
    return min(found + longer, history)


def in_scope(workload: Workload, seconds: float, known: Basis) -> float:
    """The share of all persons that a tick recomputes: at most one for each of its events, and whom they lead to."""
    touched = workload.events_per_day * seconds / DAY * PERSONS_PER_EVENT
    return min(1.0, touched / max(persons(workload, known), 1.0))


def persons(workload: Workload, known: Basis) -> float:
    return workload.history * known.tables["int_devices"].rows_per_event


def reads(
    statements: Iterable[Statement], workload: Workload, known: Basis, *, scope: float = 1.0
) -> tuple[Read, ...]:
    return tuple(_read(one, workload, known, scope) for one in statements)


def _read(statement: Statement, workload: Workload, known: Basis, scope: float) -> Read:
    sizes = [
        rows(name, workload, known, scope, statement.days) * known.tables[bare].row_bytes(columns)
        if bare in known.tables
        else 0.0
        for name, columns in statement.reads.items()
        for bare in [name.removeprefix(LIVE)]
    ]
    return read_of(statement.name, *sizes)


def read_of(name: str, *sizes: float) -> Read:
    """Of tables of these sizes."""
    return Read(name, float(sum(sizes)), float(max(sum(max(size, LEAST) for size in sizes), LEAST)))


def rows(name: str, workload: Workload, known: Basis, scope: float, days: str = "") -> float:
    bare = name.removeprefix(LIVE)
    history = (
        workload.loaded_days
        if bare in LOADED
        else workload.streamed_days
        if bare in STREAMED
        else max(workload.loaded_days, workload.streamed_days)
    )
    share = scope
    if name.startswith(LIVE):
        share = (
            looked_at(days, history, workload, known, scope) / history
            if history and bare in known.by_day
            else 1.0
        )
    return workload.events_per_day * history * known.tables[bare].rows_per_event * share


def looked_at(days: str, history: float, workload: Workload, known: Basis, scope: float) -> float:
    """How many days of a table that is kept by days."""
    if days in ("new", "touched"):
        return min(NEW_DAYS, history)
    if days == "published":
        return days_in_scope(scope * persons(workload, known), history, known)
    return history
