"""An answer as JSON, CSV or Arrow."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import pyarrow as pa

from headwater.rows import write_csv, write_json
from headwater.values import json_of

Format = Literal["json", "csv", "arrow"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}
FORMATS: tuple[Format, ...] = get_args(Format)


def wanted(named: Format | None, accept: str) -> Format:
    """What the question names, or else the first that the Accept header does."""
    if named:
        return named
    for part in accept.split(","):
        for one, media_type in MEDIA_TYPES.items():
            if part.split(";")[0].strip() == media_type.split(";")[0]:
                return one
    return "json"


def encoded(table: pa.Table, as_format: Format, envelope: Mapping[str, Any]) -> bytes:
    """Rows; in JSON beside what they are about."""
    table = in_utc(table)
    if as_format == "arrow":
        return arrow(table)
    file = io.StringIO()
    if as_format == "csv":
        write_csv(table, file)
        return file.getvalue().encode()
    write_json(table, file)
    fields = [f"{json_of(name)}: {json_of(value)}" for name, value in envelope.items()]
    return ("{" + ", ".join([*fields, '"data": ' + file.getvalue().rstrip()]) + "}\n").encode()


def told(content: Any) -> bytes:
    """An object, with all the digits of its numbers."""
    return (json_of(_utc(content)) + "\n").encode()


def _utc(content: Any) -> Any:
    match content:
        case datetime() if content.tzinfo is None:
            return content.replace(tzinfo=UTC)
        case dict():
            return {name: _utc(value) for name, value in content.items()}
        case list() | tuple():
            return [_utc(value) for value in content]
        case _:
            return content


def in_utc(table: pa.Table) -> pa.Table:
    """The tables' times are UTC without saying so, which a browser would take for local time."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            table = table.set_column(index, field.name, table.column(index).cast(pa.timestamp("us", "UTC")))
    return table


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
