"""Reads one file of any format as batches of canonical events."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from headwater.sources import csv_file, ga4_export, ndjson, parquet_file
from headwater.sources.canonical import Door, Heard, unheard
from headwater.sources.files import Kind, kind_of
from headwater.warehouse.protocol import EventBatch

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

    `origin` is how the dead letters name the file; `now` is naive UTC, and is now unless given; `heard` is told which
    share of the file has been read."""
    kind = kind_of(path, file_format)
    at = now or datetime.now(UTC).replace(tzinfo=None)
    door = Door(origin or str(path), source_kind(path, kind), at, heard)
    return _READERS[kind](path, door)


def is_ga4(kind: Kind) -> bool:
    return kind in ("ga4_parquet", "ga4_json")


def source_kind(path: Path, kind: Kind) -> str:
    """`export_intraday` where the file, or the folder it is in, is named like the export's intraday tables."""
    if not is_ga4(kind):
        return "file"
    names = (path.name, path.parent.name)
    return (
        "export_intraday"
        if any(re.search(r"(^|\W)events_intraday_", name) for name in names)
        else "export_daily"
    )
