"""Rows of the journal as a warehouse takes them: the events by the column, beside them what the door has refused."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import duckdb
import pyarrow as pa

from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.sources import ndjson
from headwater.sources.canonical import Door, dead_letters
from headwater.sources.lines import Lines
from headwater.warehouse.protocol import EventBatch

ORIGIN = "journal"
_EPOCH = datetime(1970, 1, 1)


class Row(Protocol):
    @property
    def seq(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def origin(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def position(self) -> int | None: ...
    @property
    def received_at(self) -> int: ...


def batch(rows: Sequence[Row], connection: duckdb.DuckDBPyConnection) -> EventBatch:
    events = [row for row in rows if row.reason is None]
    taken = _events(events, connection) if events else EventBatch(RAW_SCHEMA.empty_table(), _NO_LETTERS)
    refused = [_letter(row) for row in rows if row.reason is not None]
    return EventBatch(taken.events, pa.concat_tables([taken.dead_letters, *refused]))


_NO_LETTERS = DEAD_LETTER_SCHEMA.empty_table()


def _events(rows: Sequence[Row], connection: duckdb.DuckDBPyConnection) -> EventBatch:
    chunk = Lines(
        pa.array([row.seq for row in rows], pa.int64()),
        pa.array([row.body.decode() for row in rows], pa.string()),
        pa.array([], pa.int64()),
        pa.array([], pa.binary()),
    )
    # the door has judged what lies in the future; its clock may have been ahead of this one
    received = _EPOCH + timedelta(microseconds=max(row.received_at for row in rows))
    now = max(datetime.now(UTC).replace(tzinfo=None), received)
    return ndjson.canonical(chunk, Door(ORIGIN, "stream", now), connection)


def _letter(row: Row) -> pa.Table:
    letter = {
        "line": pa.array([row.position], pa.int64()),
        "reason": [row.reason],
        "detail": [row.detail or ""],
        "original": pa.array([row.body], pa.binary()),
    }
    return dead_letters(row.origin, pa.table(letter))
