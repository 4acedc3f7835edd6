"""Questions to the warehouse, and the one way in which text and times get into them."""

from datetime import datetime
from typing import Any

from headwater.warehouse.protocol import Reader

Row = dict[str, Any]


def rows(warehouse: Reader, sql: str) -> list[Row]:
    found: list[Row] = warehouse.query(sql).to_pylist()
    return found


def literal(text: str) -> str:
    """What a user typed, or an event brought, as SQL."""
    return "'" + text.replace("'", "''") + "'"


def instant(at: datetime) -> str:
    return f"timestamp '{at.isoformat(sep=' ', timespec='microseconds')}'"
