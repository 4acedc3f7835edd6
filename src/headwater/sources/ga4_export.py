"""GA4's BigQuery export: where each canonical column lies in it, whichever file format it came in.

Old and new exports differ in their columns: one that is missing counts as null. What has no canonical column
is kept in the params under `_export`, which counts neither for the id nor for the payload."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headwater.sources import ga4_json, ga4_parquet
from headwater.sources.canonical import PARAMS, Door, Task, canonicalise
from headwater.sources.entries import Entries
from headwater.sources.ga4_columns import (
    CHANNELS,
    FROM_PARAMS,
    NESTED,
    PLAIN,
    REFUND,
    REVENUE,
    TRANSACTION,
    WHOLE,
)
from headwater.sources.lines import Lines, lines, with_torn_lines
from headwater.warehouse.protocol import EventBatch


class ExportRows(Protocol):
    """Some rows of an export."""

    @property
    def count(self) -> int: ...
    @property
    def lines(self) -> pa.Array: ...
    @property
    def params(self) -> Entries: ...
    @property
    def items(self) -> pa.Array: ...
    @property
    def rest(self) -> pa.Array: ...

    def text(self, path: str) -> pa.Array | None:
        """A column, or a field within one, as text; None if the export has no such column."""
        ...

    def whole(self, path: str) -> pa.Array | None:
        """The same for a column of whole numbers, which may stay numbers."""
        ...

    def amount(self, path: str) -> pa.Array | None:
        """The same for a column of floating-point numbers: as text, NaN as null."""
        ...

    def originals(self, places: pa.Array) -> pa.Array:
        """The rows at these places as JSON."""
        ...


def read_parquet(path: Path, door: Door) -> Iterator[Task]:
    for rows in ga4_parquet.rows(path, door.heard):
        yield partial(_from_parquet, rows, door)


def _from_parquet(
    rows: ga4_parquet.ParquetRows, door: Door, connection: duckdb.DuckDBPyConnection
) -> EventBatch:
    return canonicalise(connection, loose(rows), door, rows.originals)


def read_json(path: Path, door: Door) -> Iterator[Task]:
    for chunk in lines(path, heard=door.heard):
        yield partial(_from_json, chunk, door)


def _from_json(chunk: Lines, door: Door, connection: duckdb.DuckDBPyConnection) -> EventBatch:
    rows = ga4_json.rows(connection, chunk)
    batch = canonicalise(
        connection, loose(rows).append_column("malformed", rows.malformed), door, rows.originals
    )
    return with_torn_lines(batch, chunk, door.origin)


def loose(rows: ExportRows) -> pa.Table:
    """The rows as `canonical` takes them."""
    columns: dict[str, pa.Array | None] = {"line": rows.lines}
    columns |= {name: rows.text(name) for name in PLAIN}
    columns |= {name: rows.whole(name) for name in WHOLE}
    columns |= {name: rows.text(path) for name, path in NESTED.items()}
    columns |= {name: rows.params.texts(name) for name in FROM_PARAMS}
    columns |= {f"param_{name}": rows.params.texts(name) for name in PARAMS}
    columns["ga4_channel"] = _first(*(rows.text(path) for path in CHANNELS))
    columns["value"] = _value(rows)
    columns["transaction_id"] = _first(_set(rows.text(TRANSACTION)), rows.params.texts("transaction_id"))
    columns |= {"items": rows.items, "params": rows.params.objects(), "export": rows.rest}
    return pa.table({name: column for name, column in columns.items() if column is not None})


def _value(rows: ExportRows) -> pa.Array | None:
    """The revenue of a purchase, the amount of a refund, else what the event's param `value` says."""
    revenue, refund = rows.amount(REVENUE), rows.amount(REFUND)
    param = rows.params.texts("value")
    if refund is not None:
        names = rows.text("event_name")
        is_refund = pc.fill_null(pc.equal(names, "refund"), False)
        nothing = pa.nulls(rows.count, pa.string())
        revenue = pc.if_else(is_refund, refund, nothing if revenue is None else revenue)
    return _first(revenue, param)


def _set(texts: pa.Array | None) -> pa.Array | None:
    if texts is None:
        return None
    is_nothing = pc.is_in(pc.utf8_lower(texts), pa.array(["", "(not set)"]))
    return pc.if_else(is_nothing, pa.scalar(None, pa.string()), texts)


def _first(*columns: pa.Array | None) -> pa.Array | None:
    given = [column for column in columns if column is not None]
    return pc.coalesce(*given) if given else None
