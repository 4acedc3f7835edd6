"""headwater's own tables as BigQuery keeps them: in partitions that queries pass over, clustered by what is sought."""

from collections.abc import Callable, Sequence

import pyarrow as pa
from google.cloud import bigquery

from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.warehouse import schema
from headwater.warehouse.bigquery_dialect import translated

TURN = "headwater_append_turn"  # whoever appends changes its one row: two at once is one too many
EXPORTS = "headwater_exports"  # which tables of a GA4 export are taken in, and as they were modified when
STAGING = {"incoming": "headwater_incoming", "refused": "headwater_refused"}
POSITION = pa.field("position", pa.int64(), nullable=False)  # the row's place in its load
STAGED = (
    POSITION,
    pa.field("load_id", pa.string(), nullable=False),
    pa.field("staged_at", pa.timestamp("us"), nullable=False),
)
STAGED_SCHEMAS = {
    "incoming": pa.schema([*RAW_SCHEMA, *STAGED]),
    "refused": pa.schema([*DEAD_LETTER_SCHEMA, *STAGED]),
}
LEASES = {"engine": "headwater_engine_lease", "build": "headwater_build_lease"}

STAGED_LAYOUT = (
    "partition by timestamp_trunc(staged_at, hour) cluster by load_id options (partition_expiration_days = 1)"
)
RAW = "partition by timestamp_trunc(event_timestamp, day) cluster by device_id"
LAYOUTS = {
    "ga4_events_raw": f"{RAW} options (require_partition_filter = true)",
    "events_streaming": f"{RAW} options (require_partition_filter = true)",
    "dead_letters": "cluster by dead_letter_id",
}

TABLES = (*schema.TABLES, *STAGING.values(), *LEASES.values(), EXPORTS, TURN)


def statements() -> list[str]:
    """DDL that makes an empty warehouse, harmless on one that is there."""
    shared = [translated(one) for one in schema.statements("text") if one.startswith("create table")]
    return [
        *(laid_out(one) for one in shared),
        *(staging(name, table) for name, table in STAGING.items()),
        *(lease(table) for table in LEASES.values()),
        f"create table if not exists {EXPORTS} (table_name string not null, modified_at timestamp not null, "
        "accepted int64 not null, duplicates int64 not null, dead_letters int64 not null, taken_at timestamp not null)",
        f"create table if not exists {TURN} as select 0 as turns",
    ]


def additions(columns: Callable[[str], Sequence[str]]) -> list[str]:
    """DDL that gives older tables what they lack; BigQuery adds no column together with its default."""
    found = []
    for table, name, kind in schema.lacking(columns):
        plain, _, default = kind.partition(" default ")
        found.append(translated(f"alter table {table} add column if not exists {name} {plain}"))
        if default:
            found += [
                f"alter table {table} alter column {name} set default {default}",
                f"update {table} set {name} = {default} where true",
            ]
    return found


def laid_out(statement: str) -> str:
    for table, layout in LAYOUTS.items():
        if statement.startswith(f"CREATE TABLE IF NOT EXISTS {table} "):
            return f"{statement} {layout}"
    return statement


def staging(name: str, table: str) -> str:
    """What is written here is read once, by the load that wrote it; then it expires with its hour."""
    columns = ", ".join(
        f"{field.name} {schema.sql_type(field, 'text')}{'' if field.nullable else ' not null'}"
        for field in STAGED_SCHEMAS[name]
    )
    made = translated(f"create table if not exists {table} ({columns})")
    return f"{made} {STAGED_LAYOUT}"


def lease(table: str) -> str:
    """With its one row from the start, so that nobody needs to add it."""
    return f"create table if not exists {table} as select '' as holder, timestamp '1970-01-01' as expires_at"


def retention(table: bigquery.Table) -> int:
    """Days after which its partitions expire; 0: never."""
    partitions = table.time_partitioning
    return int((partitions.expiration_ms or 0) / 86_400_000) if partitions else 0


def expiry(retention_days: int) -> str:
    days = retention_days or "null"
    return f"alter table events_streaming set options (partition_expiration_days = {days})"
