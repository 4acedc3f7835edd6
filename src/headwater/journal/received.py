"""Finds rows by when they were received. Only their numbers are indexed, but they were journaled in that order, each
soon after it was received."""

import sqlite3
from collections.abc import Collection

LONGEST_QUEUE = 10_000_000  # microseconds that a row may have waited for its commit

SAME_QUEUE = 100_000  # by which the commits of what came at one moment may differ

Found = tuple[int, bytes, int]  # when it was received, its body, when it was journaled


def received(connection: sqlite3.Connection, moments: Collection[int]) -> list[Found]:
    """The rows received at those moments, as far as they are still there and clocks were not set back meanwhile."""
    found: list[Found] = []
    for moment in sorted(set(moments)):
        rows = connection.execute(
            "select received_at, body, journaled_at from arrivals where seq >= ? order by seq",
            (_first_journaled(connection, moment),),
        )
        last = moment + LONGEST_QUEUE
        for row in rows:
            if row[2] > last:
                break
            if row[0] == moment:
                found.append(row)
                last = row[2] + SAME_QUEUE
    return found


def _first_journaled(connection: sqlite3.Connection, moment: int) -> int:
    """The number of the first row that was journaled at that moment or later."""
    low, high = connection.execute("select min(seq), max(seq) + 1 from arrivals").fetchone()
    low, high = low or 0, high or 0
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "select journaled_at from arrivals where seq >= ? order by seq limit 1", (middle,)
        ).fetchone()
        if row and row[0] < moment:
            low = middle + 1
        else:
            high = middle
    return int(low)
