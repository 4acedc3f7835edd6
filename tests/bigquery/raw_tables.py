"""headwater's own tables on BigQuery, filled from a product on DuckDB: all that the models read."""

import json
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
from google.cloud import bigquery
from product import Product

from headwater.event import RAW_SCHEMA
from headwater.warehouse.protocol import RAW_TABLES
from headwater.warehouse.schema import JSON_COLUMNS, sql_type

Row = dict[str, Any]


def column(field: pa.Field) -> str:
    kind = "string" if field.name in JSON_COLUMNS else sql_type(field, "string").replace("bigint", "int64")
    if kind.startswith("decimal"):
        kind = f"numeric({field.type.precision}, {field.type.scale})"
    return f"{field.name} {kind}{'' if field.nullable else ' not null'}"


def statements(dataset: str) -> list[str]:
    raw = ", ".join(column(field) for field in RAW_SCHEMA)
    return [
        f"create schema if not exists {dataset}",
        f"create schema if not exists {dataset}_build",
        *(
            f"create table {dataset}.{table} ({raw}, batch_id int64 not null) "
            "partition by date(event_timestamp) cluster by device_id options (require_partition_filter = true)"
            for table in RAW_TABLES
        ),
        f"create table {dataset}.headwater_coverage "
        "(stream_id string not null, source_kind string not null, quarter timestamp not null, batch_id int64 not null)",
        f"create table {dataset}.exchange_rates (rate_date date, currency string, rate numeric(18, 9))",
    ]


TABLES = (*RAW_TABLES, "headwater_coverage", "exchange_rates")


def make(client: bigquery.Client, dataset: str) -> None:
    for statement in statements(dataset):
        client.query(statement).result()


def bring(client: bigquery.Client, dataset: str, product: Product, *, from_batch: int) -> int:
    """Adds the rows of the batches after `from_batch`, opens the window for them, and says which is the last."""
    for table in TABLES:
        since = "" if table == "exchange_rates" else f" where batch_id > {from_batch}"
        load(client, f"{dataset}.{table}", product.rows(f"select * from {table}{since}"))
    to_batch = int(product.rows("select coalesce(max(batch_id), 0) as n from headwater_batches")[0]["n"])
    for place in (dataset, f"{dataset}_build"):
        client.query(
            f"create or replace table {place}.headwater_window as "
            f"select {from_batch} as from_batch, {to_batch} as to_batch"
        ).result()
    return to_batch


def load(client: bigquery.Client, table: str, rows: list[Row]) -> None:
    if not rows:
        return
    lines = "".join(
        json.dumps({name: plain(value) for name, value in row.items() if value is not None}) + "\n"
        for row in rows
    )
    config = bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON",
        write_disposition="WRITE_APPEND",
        schema=client.get_table(table).schema,
    )
    client.load_table_from_file(BytesIO(lines.encode()), table, job_config=config).result()


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat(sep=' ')} UTC"
    return str(value) if isinstance(value, date | Decimal) else value
