"""The tables that headwater itself writes: raw events and the books about them. dbt makes all the others."""

from collections.abc import Callable, Sequence

import pyarrow as pa

from headwater.event import RAW_SCHEMA

TABLES = (
    "ga4_events_raw",
    "events_streaming",
    "headwater_coverage",
    "headwater_batches",
    "dead_letters",
    "headwater_positions",
    "exchange_rates",
    "headwater_builds",
)
JSON_COLUMNS = frozenset({"items", "params"})

# what a table has that older versions made without it
ADDED = {
    "dead_letters": {"attempts": "bigint default 1"},
    "headwater_batches": {"first_event_at": "timestamp", "last_event_at": "timestamp"},
}


def lacking(columns: Callable[[str], Sequence[str]]) -> list[tuple[str, str, str]]:
    """Table, name and kind of each column that an older version has not made; `columns` says which a table has."""
    return [
        (table, name, kind)
        for table, added in ADDED.items()
        for there in [columns(table)]
        for name, kind in added.items()
        if name not in there
    ]


def sql_type(field: pa.Field, text: str) -> str:
    if field.name in JSON_COLUMNS:
        return "json"
    if pa.types.is_string(field.type):
        return text
    if pa.types.is_timestamp(field.type):
        return "timestamp"
    if pa.types.is_decimal(field.type):
        return f"decimal({field.type.precision}, {field.type.scale})"
    return {"int64": "bigint", "bool": "boolean"}[str(field.type)]


def columns(text: str) -> str:
    """RAW_SCHEMA as column definitions; `text` is the engine's byte-ordered text type."""
    return ", ".join(
        f"{field.name} {sql_type(field, text)}{'' if field.nullable else ' not null'}" for field in RAW_SCHEMA
    )


def statements(text: str) -> list[str]:
    """DDL that makes an empty warehouse, harmless on one that is there."""
    raw = columns(text)
    return [
        f"create table if not exists ga4_events_raw ({raw}, batch_id bigint not null)",
        f"create table if not exists events_streaming ({raw}, batch_id bigint not null)",
        # which quarter hours each export covers: days of any time zone are made of whole ones
        f"""create table if not exists headwater_coverage (
            stream_id {text} not null, source_kind {text} not null, quarter timestamp not null,
            batch_id bigint not null)""",
        f"""create table if not exists headwater_batches (
            batch_id bigint not null primary key, table_name {text} not null, origin {text} not null,
            accepted bigint not null, duplicates bigint not null, dead_letters bigint not null,
            appended_at timestamp not null, first_event_at timestamp, last_event_at timestamp)""",
        f"""create table if not exists dead_letters (
            dead_letter_id {text} not null primary key, origin {text} not null, line bigint, reason {text} not null,
            detail {text} not null, original {text} not null, refused_at timestamp not null,
            attempts bigint default 1)""",
        *(
            f"alter table {table} add column if not exists {name} {kind}"
            for table, added in ADDED.items()
            for name, kind in added.items()
        ),
        # how far each journal has been loaded, and what became of its rows: moves with the rows, in one transaction
        f"""create table if not exists headwater_positions (
            journal_id {text} not null primary key, position bigint not null, loaded bigint not null,
            duplicates bigint not null, dead_letters bigint not null, moved_at timestamp not null)""",
        f"""create table if not exists exchange_rates (
            rate_date date not null, currency {text} not null, rate decimal(18, 9) not null)""",
        # one row per finished build; the newest one's to_batch is the watermark
        f"""create table if not exists headwater_builds (
            build_id bigint not null primary key, from_batch bigint not null, to_batch bigint not null,
            is_full boolean not null, fingerprint {text} not null, persons bigint not null,
            started_at timestamp not null, finished_at timestamp not null)""",
    ]
