"""What headwater costs on BigQuery, reckoned from how many events come in.

BigQuery charges a query for the whole of each column that it names, on the days that constants in it name, and for 10
MB of every table at least. A filter by a column of a table's clusters may make it less; what a bill is at most is what
one wants to know, so nothing is taken off for it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from headwater.operate.basis import LIVE, Basis, Statement, basis
from headwater.settings import Prices

MIB, GIB, TIB = 2**20, 2**30, 2**40
LEAST = 10 * MIB  # of a table in a query, and of a query
MONTH = 730 * 3600.0  # seconds, as Google counts a month
DAY = 86_400.0
ACTIVE_DAYS = 90  # what has not changed for longer is long-term storage
INSERT_ALL_UNIT, INSERT_ALL_ROW = 200 * MIB, 1024  # bytes; a row counts as 1 KiB at least
SLOT_STEP, SLOT_LEAST_SECONDS = 50, 60.0
PERSONS_PER_EVENT = 1.25  # that a tick recomputes: bench/incremental.py
NEW_DAYS = (
    4.0  # on which what is new to a tick lies, with its sessions: a streamed event is three days late at most
)
LAST_RETURNS = (
    15  # days: after any longer time persons are taken to come back as often as after the last so many
)

# A full build with its tests, on DuckDB: bench/full_build.py
MEASURED_EVENTS, MEASURED_SECONDS, MEASURED_CORES = 10_129_071, 58.2, 2

# Tables of a few rows that one turn asks or changes besides the models: an append's own (incoming, repeats, position,
# letters …) and the builder's (last build, newest batch, persons). Each counts as the least.
SMALL_TABLES = 37
KNOWN = (
    "stream_id",
    "event_id",
    "event_timestamp",
    "source_kind",
    "payload_hash",
)  # by which an append knows repeats

LOADED = ("ga4_events_raw", "scope_loaded_events")
STREAMED = ("events_streaming", "scope_streamed_events")


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


@dataclass(frozen=True)
class Program:
    """Statements that run together, and how often."""

    name: str
    statements: tuple[Read, ...]
    runs_per_month: float

    @property
    def billed(self) -> float:
        return sum(one.billed for one in self.statements)

    @property
    def billed_per_month(self) -> float:
        return self.billed * self.runs_per_month

    @property
    def largest(self) -> Read:
        return max(self.statements, key=lambda one: one.read)


@dataclass(frozen=True)
class Cost:
    """A month, in bytes and in USD."""

    workload: Workload
    tick_seconds: float
    programs: tuple[Program, ...]  # append, tick, tests, build
    active_bytes: float
    long_term_bytes: float
    ingested_bytes: float  # a month, as they are charged
    queries_usd: float
    storage_usd: float
    ingestion_usd: float
    slots: float  # busy on average
    slots_usd: float  # what they cost, in place of queries_usd

    @property
    def queried_bytes(self) -> float:
        return sum(one.billed_per_month for one in self.programs)

    @property
    def usd(self) -> float:
        return self.queries_usd + self.storage_usd + self.ingestion_usd

    @property
    def usd_by_slots(self) -> float:
        return self.slots_usd + self.storage_usd + self.ingestion_usd

    def program(self, name: str) -> Program:
        return next(one for one in self.programs if one.name == name)


def cost(
    workload: Workload,
    tick_seconds: float,
    prices: Prices,
    *,
    writer: str = "storage_write",
    measured: Mapping[str, tuple[Read, ...]] | None = None,
    known: Basis | None = None,
) -> Cost:
    """`measured` has what dry runs say of a program, in place of the formula."""
    known = known or basis()
    ticks = MONTH / tick_seconds
    programs = [
        Program("append", append(workload, tick_seconds, known), ticks),
        Program("tick", tick(workload, tick_seconds, known), ticks),
        Program(
            "tests",
            reads(known.tests, workload, known),
            MONTH / workload.test_seconds if workload.test_seconds else 0.0,
        ),
        Program("build", reads(known.build, workload, known), workload.builds_per_month),
    ]
    programs = [replace(one, statements=(measured or {}).get(one.name, one.statements)) for one in programs]
    active, long_term = stored(workload, known)
    ingested = ingestion(workload, known, writer)
    queried = sum(one.billed_per_month for one in programs)
    slots = queried / bytes_per_slot_second(known) / MONTH
    turn = Program(
        "turn", (*programs[0].statements, *programs[1].statements), ticks
    )  # an append and its tick
    slot_hours = sum(slot_seconds(one, known) for one in (turn, *programs[2:])) / 3600
    return Cost(
        workload, tick_seconds, tuple(programs), active, long_term, ingested,
        queries_usd(queried, prices), storage_usd(active, long_term, prices),
        ingestion_usd(ingested, prices, writer), slots, slot_hours * prices.slot_hour,
    )  # fmt: skip


def slot_seconds(program: Program, known: Basis) -> float:
    """A month of them as they are charged: a reservation scales by steps, and each counts a minute at least."""
    at_work = program.billed_per_month / bytes_per_slot_second(known)
    step = min(program.runs_per_month * SLOT_LEAST_SECONDS, MONTH) * SLOT_STEP
    return max(at_work, step)


def bytes_per_slot_second(known: Basis) -> float:
    """A guess from a build that was measured elsewhere: a slot is taken to do what a core did there."""
    build = reads(known.build, Workload(MEASURED_EVENTS, loaded_days=1.0, streamed_days=0.0), known)
    return sum(one.read for one in build) / (MEASURED_SECONDS * MEASURED_CORES)


def tick(workload: Workload, seconds: float, known: Basis) -> tuple[Read, ...]:
    small = Read("books", 0.0, float(SMALL_TABLES * LEAST))
    return (*reads(known.tick, workload, known, scope=in_scope(workload, seconds, known)), small)


def append(workload: Workload, seconds: float, known: Basis) -> tuple[Read, ...]:
    """The look for repeats, in the days that the events are of, and the rows on their way through the staging table."""
    one_day = replace(
        workload,
        loaded_days=min(workload.repeat_days, workload.loaded_days),
        streamed_days=min(workload.repeat_days, workload.streamed_days),
    )
    repeats = Statement(
        "repeats", {f"{LIVE}{table}": KNOWN for table in ("ga4_events_raw", "events_streaming")}
    )
    hour = workload.events_per_day * max(3600, seconds) / DAY  # a partition of the staging table
    moved = workload.events_per_day * seconds / DAY
    row = known.tables["events_streaming"].row_bytes()
    staged = Read("staging", (hour + moved) * row, max(hour * row, LEAST) + max(moved * row, LEAST))
    return (*reads((repeats,), one_day, known), staged)


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
    return Read(statement.name, sum(sizes), max(sum(max(size, LEAST) for size in sizes), LEAST))


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


def stored(workload: Workload, known: Basis) -> tuple[float, float]:
    """Bytes of active and of long-term storage. Raw days rest after they are in; a tick may touch any published row."""
    row = known.tables["ga4_events_raw"].row_bytes()
    days = (workload.loaded_days, workload.streamed_days)
    resting = sum(max(kept - ACTIVE_DAYS, 0.0) for kept in days) * workload.events_per_day * row
    raw = (workload.loaded + workload.streamed) * row
    published = sum(
        rows(name, workload, known, 1.0) * known.tables[name].row_bytes() for name in known.published
    )
    staging = workload.events_per_day * row
    return raw - resting + published + staging, resting


def ingestion(workload: Workload, known: Basis, writer: str) -> float:
    """Bytes that a month of streaming is charged as."""
    if not workload.streamed_days:
        return 0.0
    row = known.tables["events_streaming"].row_bytes()
    return (
        workload.events_per_day * MONTH / DAY * (max(row, INSERT_ALL_ROW) if writer == "insert_all" else row)
    )


def queries_usd(queried: float, prices: Prices) -> float:
    return max(queried / TIB - prices.free_query_tib, 0.0) * prices.query_per_tib


def storage_usd(active: float, long_term: float, prices: Prices) -> float:
    free = prices.free_storage_gib
    charged = max(active / GIB - free, 0.0)
    rest = max(free - active / GIB, 0.0)
    return (
        charged * prices.active_storage_per_gib
        + max(long_term / GIB - rest, 0.0) * prices.long_term_storage_per_gib
    )


def ingestion_usd(ingested: float, prices: Prices, writer: str) -> float:
    if writer == "insert_all":
        return ingested / INSERT_ALL_UNIT * prices.insert_all_per_200_mb
    return max(ingested / GIB - prices.free_storage_write_tib * 1024, 0.0) * prices.storage_write_per_gib
