"""What comes in at a journal, as the door makes it."""

import time
from hashlib import sha256

from headwater.journal.arrival import Arrival
from headwater.journal.journal import Journal, Row

MB = 1024 * 1024


def event(number: int, says: str = "", body: bytes = b"") -> Arrival:
    body = body or f'{{"event_id": {number}, "says": "{says}"}}'.encode()
    return Arrival(
        body=body,
        origin="/v1/events?stream=shop",
        received_at=time.time_ns() // 1000,
        key=sha256(str(number).encode()).digest()[:16],
        payload=sha256(body).digest()[:16],
        position=number,
    )


def refused(number: int) -> Arrival:
    return Arrival(
        body=b"\xff not JSON %d" % number,
        origin="/v1/events",
        received_at=time.time_ns() // 1000,
        reason="malformed_json",
        detail="it is not JSON",
    )


def same(stored: bytes, new: bytes) -> bool:
    """The tests' idea of it: spaces say nothing."""
    return stored.replace(b" ", b"") == new.replace(b" ", b"")


def everything(journal: Journal, limit: int = 1000) -> list[Row]:
    rows: list[Row] = []
    while more := journal.read(rows[-1].seq if rows else 0, limit):
        rows += more
    return rows
