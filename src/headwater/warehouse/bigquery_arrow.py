"""Arrow in and out of BigQuery, with the types that every engine's answers have."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from google.cloud import bigquery

SCALES = (12, 18, 24, 30, 38)  # tried for a BIGNUMERIC, which has 38 digits on either side of the point
KINDS = {"string": "STRING", "int64": "INT64", "bool": "BOOL", "double": "FLOAT64", "date32[day]": "DATE"}


def plain(table: pa.Table) -> pa.Table:
    columns = [plain_column(column) for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A moment is in UTC and says so nowhere; decimals have 128 bits wherever they fit."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_decimal256(kind):
        for scale in SCALES:
            try:
                return column.cast(pa.decimal128(38, scale))
            except pa.ArrowInvalid:  # digits would be lost
                continue
    return column


def kind_of(field: pa.Field) -> str:
    """BigQuery's name of an Arrow type."""
    if pa.types.is_timestamp(field.type):
        return "TIMESTAMP"
    if pa.types.is_decimal(field.type):
        fits = field.type.scale <= 9 and field.type.precision - field.type.scale <= 29
        return "NUMERIC" if fits else "BIGNUMERIC"
    return KINDS[str(field.type)]


def rows_parameter(name: str, rows: pa.Table) -> bigquery.ArrayQueryParameter:
    """A few rows as one parameter of a statement."""
    kinds = [(field.name, kind_of(field)) for field in rows.schema]
    values = [
        bigquery.StructQueryParameter(
            None, *(bigquery.ScalarQueryParameter(column, kind, row[column]) for column, kind in kinds)
        )
        for row in rows.to_pylist()
    ]
    return bigquery.ArrayQueryParameter(name, "STRUCT", values)


def stored(rows: pa.Table) -> pa.Table:
    """As BigQuery's ways in expect it: moments name their zone, or they would be taken for times of day of anywhere."""
    fields = [
        field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    columns: Sequence[Any] = [
        column.cast(field.type) for column, field in zip(rows.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(list(columns), schema=pa.schema(fields))


def batches(rows: bigquery.table.RowIterator, storage: Any) -> pa.RecordBatchReader:
    """An answer, piece by piece."""
    pieces = rows.to_arrow_iterable(bqstorage_client=storage)
    first = next(pieces, None)
    if first is None:
        return plain(rows_schema(rows).empty_table()).to_reader()
    schema = plain(pa.Table.from_batches([first])).schema

    def each() -> Iterator[pa.RecordBatch]:
        yield from plain(pa.Table.from_batches([first])).to_batches()
        for piece in pieces:
            yield from plain(pa.Table.from_batches([piece])).cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, each())


def rows_schema(rows: bigquery.table.RowIterator) -> pa.Schema:
    kinds = {
        "INTEGER": pa.int64(), "INT64": pa.int64(), "FLOAT": pa.float64(), "FLOAT64": pa.float64(),
        "BOOLEAN": pa.bool_(), "BOOL": pa.bool_(), "NUMERIC": pa.decimal128(38, 9),
        "BIGNUMERIC": pa.decimal256(76, 38), "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"),
        "DATETIME": pa.timestamp("us"),
    }  # fmt: skip
    return pa.schema([(field.name, kinds.get(field.field_type, pa.string())) for field in rows.schema])
