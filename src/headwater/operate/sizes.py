"""How many bytes BigQuery counts for a value: the logical size, which queries, storage and streaming are charged by.

A STRUCT counts as its fields, an ARRAY as its entries."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from headwater.event import CLICK_IDS, TRAFFIC

MOST_NUMERIC = (
    29,
    9,
)  # digits before and behind the point that NUMERIC holds; beyond them it is a BIGNUMERIC

COLUMN_GROUPS: dict[str, tuple[str, ...]] = {
    "what and when": (
        "event_id", "stream_id", "source_kind", "event_name", "event_timestamp", "received_at",
        "batch_id", "payload_hash",
    ),
    "who": ("user_pseudo_id", "user_id", "device_id"),
    "session and order": (
        "ga_session_id", "ga_session_number", "batch_page_id", "batch_ordering_id", "batch_event_index", "is_engaged",
    ),
    "page": ("page_location", "page_referrer", "page_domain", "referrer_host", "referrer_domain", "page_is_tagged"),
    "traffic source": (*TRAFFIC, *CLICK_IDS, "source_domain", "ga4_channel"),
    "first user": ("first_user_source", "first_user_medium", "first_user_campaign", "first_user_domain"),
    "value": ("value", "currency", "transaction_id"),
    "items and params": ("items", "params"),
}  # fmt: skip


def column_bytes(rows: pa.Table) -> dict[str, float]:
    """Column → bytes per row, on average over the rows: a null costs nothing."""
    return {name: round(_bytes(rows[name]) / max(rows.num_rows, 1), 3) for name in rows.column_names}


def _bytes(column: pa.ChunkedArray) -> int:
    if pa.types.is_struct(column.type):
        return sum(map(_bytes, column.flatten()))
    if pa.types.is_list(column.type):
        return _bytes(pc.list_flatten(column))
    values = int(len(column) - column.null_count)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        length = pc.sum(pc.binary_length(column)).as_py()
        return 2 * values + int(length or 0)
    return fixed_bytes(column.type) * values


def fixed_bytes(kind: pa.DataType) -> int:
    if pa.types.is_boolean(kind):
        return 1
    if pa.types.is_decimal(kind):
        before, behind = kind.precision - kind.scale, kind.scale
        return 16 if before <= MOST_NUMERIC[0] and behind <= MOST_NUMERIC[1] else 32
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        return 8
    raise ValueError(f"no size is known for {kind}")


def by_group(columns: Mapping[str, float]) -> dict[str, float]:
    """Group → bytes per row; every column is in one group."""
    return {group: sum(columns.get(name, 0.0) for name in names) for group, names in COLUMN_GROUPS.items()}
