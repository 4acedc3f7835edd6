"""What one transaction does with arrivals: know the ones that came before, keep the others."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from headwater.event import ID_CONFLICT
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.tables import COLUMNS, about, checksum, note

CONFLICT_DETAIL = "an event with this stream_id and event_id came first, and its content differs"

SameEvent = Callable[[bytes, bytes], bool]

# Many rows to a statement: SQLite works without Python's lock while it steps, and asks for it back after each one.
_AT_ONCE = (512, 64)  # and what is left in one more


def keep(
    connection: sqlite3.Connection, arrivals: Sequence[Arrival], journaled_at: int, same_event: SameEvent
) -> list[Outcome]:
    """Inserts what is new, counts what is not, and says for each arrival what became of it."""
    known = _known(connection, [arrival.key for arrival in arrivals if arrival.key is not None])
    last = seq = about(connection, "last_seq") or 0
    outcomes = []
    rows = []
    bodies: dict[bytes, bytes] = {}  # of this very transaction's keys
    for arrival in arrivals:
        key, payload, reason, detail = arrival.key, arrival.payload, arrival.reason, arrival.detail
        outcome = Outcome.ACCEPTED if reason is None else Outcome.REFUSED
        if key is not None:
            if key not in known:
                known[key] = payload
                bodies[key] = arrival.body
            elif known[key] == payload or same_event(bodies.get(key) or _body(connection, key), arrival.body):
                outcomes.append(Outcome.DUPLICATE)
                continue
            else:
                outcome, reason, detail = Outcome.CONFLICT, ID_CONFLICT, CONFLICT_DETAIL
                key = payload = None
        outcomes.append(outcome)
        seq += 1
        row = (
            seq,
            key,
            payload,
            arrival.body,
            arrival.origin,
            reason,
            detail,
            arrival.position,
            arrival.received_at,
            journaled_at,
        )
        rows += [*row, checksum(row)]
    _insert(connection, rows)
    if seq > last:
        note(connection, "last_seq", seq)
    duplicates = len(arrivals) - (seq - last)
    if duplicates:
        note(connection, "duplicates", (about(connection, "duplicates") or 0) + duplicates)
    return outcomes


def _known(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes | None]:
    """Which of the keys are there already, and with which payload."""
    known: dict[bytes, bytes | None] = {}
    for start, count in _pieces(len(keys)):
        places = ", ".join("?" * count)
        known.update(
            connection.execute(
                f"select key, payload from arrivals where key in ({places})", keys[start : start + count]
            )
        )
    return known


def _body(connection: sqlite3.Connection, key: bytes) -> bytes:
    body: bytes = connection.execute("select body from arrivals where key = ?", (key,)).fetchone()[0]
    return body


def _insert(connection: sqlite3.Connection, values: list[object]) -> None:
    width = len(COLUMNS) + 1
    row = f"({', '.join('?' * width)})"
    for start, count in _pieces(len(values) // width):
        connection.execute(
            f"insert into arrivals values {', '.join([row] * count)}",
            values[start * width : (start + count) * width],
        )


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    """Parts that cover so many rows in few sizes, so that their statements stay prepared."""
    start = 0
    for size in _AT_ONCE:
        while count - start >= size:
            yield start, size
            start += size
    if start < count:
        yield start, count - start
