"""A value as text, the same for the eye, for CSV and for JSON.

Decimals in plain digits, exact, without zeros that say nothing; timestamps as ISO 8601 with microseconds.
So the output of one warehouse compares with another's, as text. Whole columns go through Arrow where it
writes the same.
"""

import json
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def plain(number: Decimal) -> str:
    """All the digits, no exponent, no trailing zeros."""
    if not number.is_finite():
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _float(number: float) -> str:
    if isfinite(number):
        return repr(number)
    return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"


def text_of(value: Any) -> str:
    """A value that is not null."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case Decimal():
            return plain(value)
        case datetime():
            naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return naive.isoformat(timespec="microseconds") + ("Z" if value.tzinfo else "")
        case time():
            return value.isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case dict() | list() | tuple():
            return json_of(value)
        case _:
            return str(value)


def json_of(value: Any) -> str:
    """JSON text; numbers keep every digit, and what JSON has no word for (NaN) is a string."""
    match value:
        case None:
            return "null"
        case bool() | int():
            return json.dumps(value)
        case float() if isfinite(value):
            return repr(value)
        case Decimal() if value.is_finite():
            return plain(value)
        case dict():
            return (
                "{" + ", ".join(f"{json_of(str(key))}: {json_of(item)}" for key, item in value.items()) + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(map(json_of, value)) + "]"
        case _:
            return json.dumps(text_of(value), ensure_ascii=False)


def indented_json(value: Any, indent: str = "") -> str:
    """JSON for eyes and programs: numbers keep every digit, which Python's own writer cannot do."""
    deeper = indent + "  "
    match value:
        case dict() if value:
            items = [f"{json_of(key)}: {indented_json(item, deeper)}" for key, item in value.items()]
            return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
        case list() if value:
            return "[\n" + ",\n".join(deeper + indented_json(item, deeper) for item in value) + f"\n{indent}]"
        case _:
            return json_of(value)


def harmless(text: str) -> str:
    """Text that a spreadsheet would run as a formula gets a ' before it; a number in a text stays one."""
    return f"'{text}" if re.match(_FORMULA, text) and not _NUMBER.fullmatch(text) else text


def printable(table: Any) -> Any:
    """Dictionaries as their values, and timestamps as fine as Python's own."""
    for index, column in enumerate(table.schema):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_timestamp(kind):
            kind = pa.timestamp("us", kind.tz)
        elif pa.types.is_time(kind):
            kind = pa.time64("us")
        if kind != column.type:
            table = table.set_column(index, column.name, table.column(index).cast(kind, safe=False))
    return table


def is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def texts(column: Any) -> list[str | None]:
    """`text_of` for each value of an Arrow array."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or is_text(kind):
        return _strings(column.cast(pa.string()))
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return _strings(pc.replace_substring(column.cast(pa.string()), " ", "T"))
    return [None if value is None else text_of(value) for value in column.to_pylist()]


def csv_texts(column: Any) -> list[str | None]:
    found = texts(column)
    if not is_text(column.type) or not pc.any(pc.match_substring_regex(column, _FORMULA)).as_py():
        return found
    return [None if text is None else harmless(text) for text in found]


def json_texts(column: Any) -> list[str | None]:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return texts(column)
    if is_text(kind) or pa.types.is_timestamp(kind):
        return [None if text is None else json.encoder.encode_basestring(text) for text in texts(column)]
    return [json_of(value) for value in column.to_pylist()]


def _strings(column: Any) -> list[str | None]:
    found: list[str | None] = column.to_pylist()
    return found
