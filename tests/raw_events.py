"""Raw events as the door hands them to a warehouse, for tests that append without a file."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA, device_id, payload_hash
from headwater.warehouse.protocol import EventBatch, Warehouse

Row = dict[str, Any]

NOON = datetime(2026, 5, 10, 12)
BOOKS = ("ga4_events_raw", "events_streaming", "dead_letters", "headwater_batches", "headwater_coverage")


def raw(event_id: str, **columns: Any) -> Row:
    """A row of RAW_SCHEMA: a page view, save for what is said."""
    row = {
        **dict.fromkeys(RAW_SCHEMA.names),
        "event_id": event_id,
        "stream_id": "default",
        "source_kind": "file",
        "event_name": "page_view",
        "event_timestamp": NOON,
        "user_pseudo_id": "device",
        "value": Decimal("0.000000"),
        "received_at": NOON + timedelta(days=1),
        "page_is_tagged": False,
        "is_engaged": False,
        **columns,
    }
    row["device_id"] = device_id(row["user_pseudo_id"], row["user_id"], row["ga_session_id"])
    return {**row, "payload_hash": payload_hash(row)}


def letter(original: str, *, line: int | None = 1) -> Row:
    return {
        "origin": "a.ndjson",
        "line": line,
        "reason": "malformed_json",
        "detail": "?",
        "original": original,
    }


def batch(rows: Iterable[Row], letters: Iterable[Row] = ()) -> EventBatch:
    return EventBatch(
        pa.Table.from_pylist(list(rows), RAW_SCHEMA), pa.Table.from_pylist(list(letters), DEAD_LETTER_SCHEMA)
    )


def contents(warehouse: Warehouse, tables: Iterable[str] = BOOKS) -> dict[str, list[str]]:
    """Every row of the tables, in an order that does not depend on the engine."""
    return {
        table: sorted(map(str, warehouse.query(f"select * from {table}").to_pylist())) for table in tables
    }
