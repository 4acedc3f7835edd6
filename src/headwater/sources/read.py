"""Reads one file of any format as batches of canonical events."""

import os
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import local

from headwater.sources import csv_file, ga4_export, ndjson, parquet_file
from headwater.sources.canonical import Door, Heard, Task, open_connection, unheard
from headwater.sources.files import Kind, kind_of
from headwater.warehouse.protocol import EventBatch

MOST_WORKERS = 4  # each holds a chunk in memory

_READERS = {
    "ga4_parquet": ga4_export.read_parquet,
    "ga4_json": ga4_export.read_json,
    "ndjson": ndjson.read,
    "csv": csv_file.read,
    "parquet": parquet_file.read,
}


def read_file(
    path: Path,
    file_format: str = "auto",
    *,
    origin: str | None = None,
    now: datetime | None = None,
    heard: Heard = unheard,
) -> Iterator[EventBatch]:
    """The events of a file and what had to be refused, in the file's order, some 100,000 rows at a time.

    `origin` is how the dead letters name the file; `now` is naive UTC, now unless given; `heard` is told
    which share of the file has been read."""
    kind = kind_of(path, file_format)
    at = now or datetime.now(UTC).replace(tzinfo=None)
    door = Door(origin or str(path), source_kind(path, kind), at, heard)
    return in_order(_READERS[kind](path, door))


def in_order(tasks: Iterator[Task]) -> Iterator[EventBatch]:
    """Does the tasks on all cores, a few ahead of who takes the batches, and gives them in their order.

    DuckDB and Arrow work without Python's lock, so threads are enough."""
    own = local()

    def do(task: Task) -> EventBatch:
        if not hasattr(own, "connection"):
            own.connection = open_connection()
        return task(own.connection)

    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read")
    at_work: deque[Future[EventBatch]] = deque()
    try:
        for task in tasks:
            at_work.append(pool.submit(do, task))
            if len(at_work) > workers:
                yield at_work.popleft().result()
        while at_work:
            yield at_work.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def is_ga4(kind: Kind) -> bool:
    return kind in ("ga4_parquet", "ga4_json")


def source_kind(path: Path, kind: Kind) -> str:
    """`export_intraday` where the file, or its folder, is named like the export's intraday tables."""
    if not is_ga4(kind):
        return "file"
    names = (path.name, path.parent.name)
    return (
        "export_intraday"
        if any(re.search(r"(^|\W)events_intraday_", name) for name in names)
        else "export_daily"
    )
