"""What is read to take events in: the appends of a stream, and a GA4 export where it lies.

The statements are those of `bigquery_append` and `bigquery_export`; a test counts the tables that they name."""

from dataclasses import replace

from headwater.operate.basis import LIVE, Basis, Statement
from headwater.operate.reads import DAY, LEAST, Looks, Read, Workload, read_of, reads

KNOWN = (
    "stream_id",
    "event_id",
    "event_timestamp",
    "source_kind",
    "payload_hash",
)  # by which an append knows repeats
POSITION, IS_REPEAT = 8, 1  # bytes: of a row in its load, and of what is found out about it
MARKS = POSITION + 34 + 8  # bytes, by which staging knows a row's load
WRITTEN = 4  # times that Google writes the table of a day: when it is over, and on the three days after
TOUCHED_DAYS = 2.0  # of UTC, on which the events of a day of the property lie
SETTLED = 14  # tables of a few rows that the settling of a load names besides those of its rows


def append(workload: Workload, seconds: float, known: Basis) -> tuple[Read, ...]:
    """The look for repeats, in the days that the events are of, and the rows on their way through the staging table."""
    days = replace(
        workload,
        loaded_days=min(workload.repeat_days, workload.loaded_days),
        streamed_days=min(workload.repeat_days, workload.streamed_days),
    )
    moved = workload.events_per_day * seconds / DAY * known.tables["events_streaming"].row_bytes()
    hour = streamed_in_an_hour(workload, known, seconds) + exported_in_a_day(workload, known) / 24
    return (*reads((repeats(),), days, known), read_of("staging", hour, moved))


def repeats() -> Statement:
    return Statement("repeats", {f"{LIVE}{table}": KNOWN for table in ("ga4_events_raw", "events_streaming")})


def look() -> tuple[Read, ...]:
    """The list of the export's tables, and of those that are taken in."""
    return (read_of("list of tables", 0.0, 0.0),)


def day(workload: Workload, looks: Looks, known: Basis) -> tuple[Read, ...]:
    """A table of a day that is over, beside the three others that Google may write within the same hour."""
    rows = workload.events_per_day / looks.exports
    within = rows_taken_in_an_hour(workload) + WRITTEN * workload.events_per_day
    days = known.tables["ga4_export"].row_bytes(("event_date", "event_timestamp"))
    return (*taken_in(rows, within, workload, known), read_of("days of the newest", rows * days))


def intraday(workload: Workload, looks: Looks, known: Basis) -> tuple[Read, ...]:
    """Today's table: half of what it will be, on average over the day."""
    rows = workload.events_per_day / 2 / looks.exports
    return taken_in(rows, rows_taken_in_an_hour(workload), workload, known)


def taken_in(rows: float, in_the_hour: float, workload: Workload, known: Basis) -> tuple[Read, ...]:
    """Reads one table of an export, stages its rows, and settles them among what is there."""
    event = known.tables["exported_events"]
    whole, keys = event.row_bytes(), event.row_bytes(KNOWN)
    staged = in_the_hour * (whole + MARKS) + streamed_in_an_hour(workload, known)
    history = replace(
        workload,
        loaded_days=min(TOUCHED_DAYS, workload.loaded_days),
        streamed_days=min(TOUCHED_DAYS, workload.streamed_days),
    )
    (found,) = reads((repeats(),), history, known)
    ids = rows * event.row_bytes(("event_id", "stream_id"))
    marked = POSITION + IS_REPEAT
    return (
        read_of("export", rows * known.tables["ga4_export"].row_bytes()),
        read_of("stage events", rows * whole),
        read_of("stage refused", 0.0),
        read_of("count staged", rows * event.row_bytes(("event_timestamp",))),
        read_of("staged events", staged),
        read_of("staged refused", 0.0),
        Read(found.name, found.read + ids, found.billed + max(ids, LEAST)),
        read_of("judge", rows * keys, rows * (keys + POSITION)),  # as many are there already as come
        read_of("settle", 2 * rows * (keys + marked)),
        read_of("conflicts", rows * (whole + POSITION), rows * marked, 0.0),
        read_of("store", rows * (whole + POSITION), rows * marked),
        read_of(
            "coverage",
            rows * (event.row_bytes(("stream_id", "source_kind", "event_timestamp")) + POSITION),
            rows * marked,
        ),
        read_of("batch", rows * event.row_bytes(("event_timestamp",))),
        Read("books", 0.0, float(SETTLED * LEAST)),
    )


def streamed_in_an_hour(workload: Workload, known: Basis, seconds: float = 0.0) -> float:
    """Bytes of a partition of the staging table, or of what comes within `seconds` where that is more."""
    rows = workload.events_per_day * max(3600, seconds) / DAY if workload.streamed_days else 0.0
    return rows * known.tables["events_streaming"].row_bytes()


def rows_taken_in_an_hour(workload: Workload) -> float:
    """Of today's tables."""
    looks = workload.looks
    return workload.events_per_day / 2 * looks.per_hour if looks and looks.has_intraday else 0.0


def exported_in_a_day(workload: Workload, known: Basis) -> float:
    """Bytes that exports bring into the staging table."""
    looks = workload.looks
    if not looks:
        return 0.0
    times = WRITTEN + (DAY / looks.seconds / 2 if looks.has_intraday else 0.0)
    return workload.events_per_day * times * (known.tables["exported_events"].row_bytes() + MARKS)
