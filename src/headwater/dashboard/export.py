"""Rows as a CSV file that a spreadsheet opens without running what an event says."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """An apostrophe before text that a spreadsheet would take for a formula. A number is none."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None) -> bytes:
    names = list(columns or (rows[0] if rows else ()))
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(cell(name) for name in names)
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)
    return file.getvalue().encode()
