"""Puts rows that were found in a journal's files back into a journal, and knows which are still missing."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from headwater.journal.remains import ABOUT_WIDTH
from headwater.journal.tables import COLUMNS, about, note

_COUNTERS = ("last_seq", "duplicates", "loaded", "dropped_early", "dropped_early_until")
_INSERT = f"insert or ignore into arrivals values ({', '.join('?' * (len(COLUMNS) + 1))})"


def keep(connection: sqlite3.Connection, found: Iterable[list[Any]]) -> None:
    """A row that is there already stays. Counters only ever rise, so of several the highest is the latest."""
    newest = 0
    for values in found:
        if len(values) == ABOUT_WIDTH:
            if values[0] in _COUNTERS:
                raise_to(connection, values[0], values[1])
            elif values[0] == "journal_id":
                note(connection, "journal_id", values[1])
        else:
            connection.execute(_INSERT, values)
            newest = max(newest, values[0])
    raise_to(connection, "last_seq", newest)


def raise_to(connection: sqlite3.Connection, counter: str, value: int) -> None:
    if value > (about(connection, counter) or 0):
        note(connection, counter, value)


def gaps(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Numbers that were given, and whose rows are gone before anyone has said to have loaded them."""
    before = about(connection, "loaded") or 0
    last = about(connection, "last_seq") or 0
    found = []
    for (seq,) in connection.execute("select seq from arrivals where seq > ? order by seq", (before,)):
        if seq != before + 1:
            found.append((before + 1, seq - 1))
        before = seq
    return [*found, (before + 1, last)] if before < last else found


def note_gaps(connection: sqlite3.Connection) -> int:
    """Keeps which rows are lost, so that a reader does not take it for new damage; says how many."""
    missing = gaps(connection)
    note(connection, "missing", json.dumps(missing))
    return sum(last - first + 1 for first, last in missing)
