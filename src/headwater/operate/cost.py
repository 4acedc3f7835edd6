"""What headwater costs on BigQuery, reckoned from how many events come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.operate.arrivals import WRITTEN, append, day, exported_in_a_day, intraday, look
from headwater.operate.basis import Basis, basis
from headwater.operate.reads import DAY, LEAST, Read, Workload, in_scope, reads, rows
from headwater.settings import Prices

MIB, GIB, TIB = 2**20, 2**30, 2**40
MONTH = 730 * 3600.0  # seconds, as Google counts a month
ACTIVE_DAYS = 90  # what has not changed for longer is long-term storage
INSERT_ALL_UNIT, INSERT_ALL_ROW = 200 * MIB, 1024  # bytes; a row counts as 1 KiB at least
SLOT_STEP, SLOT_LEAST_SECONDS = 50, 60.0
# A full build with its tests, on DuckDB: bench/full_build.py
MEASURED_EVENTS, MEASURED_SECONDS, MEASURED_CORES = 10_129_071, 58.2, 2

# Tables of a few rows that one turn asks or changes besides the models: an append's own (incoming, repeats, position,
# letters …) and the builder's (last build, newest batch, persons). Each counts as the least.
SMALL_TABLES = 37


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
    programs: tuple[Program, ...]  # append, tick, tests, build; of an export: look, day, intraday
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
        *of_exports(workload, known),
    ]
    programs = [replace(one, statements=(measured or {}).get(one.name, one.statements)) for one in programs]
    active, long_term = stored(workload, known)
    ingested = ingestion(workload, known, writer)
    queried = sum(one.billed_per_month for one in programs)
    slots = queried / bytes_per_slot_second(known) / MONTH
    slot_hours = sum(slot_seconds(one, known) for one in turns(programs)) / 3600
    return Cost(
        workload, tick_seconds, tuple(programs), active, long_term, ingested,
        queries_usd(queried, prices), storage_usd(active, long_term, prices),
        ingestion_usd(ingested, prices, writer), slots, slot_hours * prices.slot_hour,
    )  # fmt: skip


def of_exports(workload: Workload, known: Basis) -> list[Program]:
    """A look, a table of a day, today's table: one of each export, as often as all exports have it in a month."""
    looks = workload.looks
    if not looks:
        return []
    often = MONTH / looks.seconds * looks.exports
    found = [
        Program("look", look(), often),
        Program("day", day(workload, looks, known), MONTH / DAY * WRITTEN * looks.exports),
    ]
    return (
        [*found, Program("intraday", intraday(workload, looks, known), often)]
        if looks.has_intraday
        else found
    )


def turns(programs: Sequence[Program]) -> list[Program]:
    """What runs right after one another is one: an append and its tick, a look and what it finds of today."""
    by_name = {one.name: one for one in programs}
    for first, then in (("append", "tick"), ("look", "intraday")):
        if {first, then} <= by_name.keys():
            one, other = by_name.pop(first), by_name.pop(then)
            by_name[first] = replace(one, statements=(*one.statements, *other.statements))
    return list(by_name.values())


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


def stored(workload: Workload, known: Basis) -> tuple[float, float]:
    """Bytes of active and of long-term storage. Raw days rest after they are in; a tick may touch any published row."""
    row = known.tables["ga4_events_raw"].row_bytes()
    days = (workload.loaded_days, workload.streamed_days)
    resting = sum(max(kept - ACTIVE_DAYS, 0.0) for kept in days) * workload.events_per_day * row
    raw = (workload.loaded + workload.streamed) * row
    published = sum(
        rows(name, workload, known, 1.0) * known.tables[name].row_bytes() for name in known.published
    )
    staging = workload.events_per_day * row + exported_in_a_day(workload, known)
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
