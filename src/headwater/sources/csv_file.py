"""CSV with canonical column names in its header."""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import SourceError
from headwater.event import MALFORMED_CSV
from headwater.sources import entries
from headwater.sources.canonical import Door, Task, canonicalise, dead_letters
from headwater.sources.entries import Entries
from headwater.sources.lines import chunks
from headwater.sources.loose import PLAIN_COLUMNS, needed_columns, with_params
from headwater.sources.records import Header, Records, records
from headwater.warehouse.protocol import EventBatch

DELIMITERS = (",", ";", "\t")


def read(path: Path, door: Door) -> Iterator[Task]:
    for found in records(path, header(path), heard=door.heard):
        yield partial(_batch, found, door)


def header(path: Path) -> Header:
    """The header, blank lines before it counted in."""
    first = next(chunks(path, 2**20), b"").decode(errors="replace").split("\n")
    lines = [line + "\n" for line in first]
    blank = next((place for place, line in enumerate(lines) if line.strip()), None)
    if blank is None:
        raise SourceError(f"{path} is empty: a CSV needs a header with the column names.")
    delimiter = max(DELIMITERS, key=lines[blank].count)
    reader = csv.reader(lines[blank:], delimiter=delimiter)
    try:
        names = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise SourceError(
            f"{path} has a header that cannot be read ({error}): it needs the column names."
        ) from error
    needed_columns(path, names)
    for name in names:
        if not name or names.count(name) > 1:
            wrong = f"names {name} twice" if name else "has a column without a name"
            raise SourceError(f"{path} {wrong} in its header: give every column a name of its own.")
    return Header(names, delimiter, blank + reader.line_num)


def _batch(found: Records, door: Door, connection: duckdb.DuckDBPyConnection) -> EventBatch:
    count = len(found.numbers)
    nothing = pa.nulls(count, pa.string())
    loose = with_params(
        connection,
        {
            "line": found.numbers,
            **{name: found.columns[name] for name in PLAIN_COLUMNS if name in found.columns},
        },
        found.columns.get("params", nothing),
        found.columns.get("items", nothing),
        _unknown(found.columns, count),
        nothing,
    )
    batch = canonicalise(
        connection, loose, door, lambda places: pc.utf8_rtrim(found.originals.take(places), "\r\n")
    )
    if not len(found.bad_numbers):
        return batch
    refused = dead_letters(
        door.origin,
        pa.table(
            {
                "line": found.bad_numbers,
                "reason": pa.array([MALFORMED_CSV] * len(found.bad_numbers), pa.string()),
                "detail": found.bad_details,
                "original": pa.array(
                    [one.rstrip(b"\r\n") for one in found.bad_originals.to_pylist()], pa.binary()
                ),
            }
        ),
    )
    return EventBatch(batch.events, pa.concat_tables([batch.dead_letters, refused]))


def _unknown(columns: dict[str, pa.Array], count: int) -> Entries | None:
    """The fields of columns that are not canonical, as text; an empty one is none."""
    names = [name for name in columns if name not in (*PLAIN_COLUMNS, "params", "items")]
    if not names:
        return None
    fields = pa.concat_arrays([columns[name] for name in names])
    filled = pc.not_equal(fields, "")
    keep = filled.to_numpy(zero_copy_only=False)
    rows = np.tile(np.arange(count, dtype=np.int64), len(names))[keep]
    codes = np.repeat(np.arange(len(names), dtype=np.int64), count)[keep]
    return Entries(count, rows, codes, names, entries.quoted(fields.filter(filled)))
