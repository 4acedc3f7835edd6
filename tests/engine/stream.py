"""Events on their way in, without HTTP: a real journal, and rows of it as the door makes them."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.collect.canon import Receipt, arrival, refused
from headwater.collect.same_event import same_event
from headwater.event import MALFORMED_JSON, Refusal
from headwater.journal import FILE_NAME
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.journal import Journal
from headwater.journal.writer import Writer

Row = dict[str, Any]

ORIGIN = "/v1/events?stream=shop"
AGES = 100 * 365 * 86_400 * 1_000_000  # microseconds: no event is late
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


def micro(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def event(number: int, **columns: Any) -> Row:
    """A page view of a device of its own, save for what is said."""
    return {
        "event_id": f"e{number}",
        "event_name": "page_view",
        "event_timestamp": micro(NOON) + number,
        "user_pseudo_id": f"device {number}",
        **columns,
    }


def purchase(number: int, **columns: Any) -> Row:
    said = {"event_name": "purchase", "value": "10", "currency": "EUR", "source": "news", "medium": "email"}
    return event(number, **{**said, **columns})


class Stream:
    """The door's side of a journal, and the engine's."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME
        self.writer = Writer(self.path, 2**30, same_event)
        self.journal = Journal(self.path)

    def take(self, events: Sequence[Row], *, received_at: int | None = None) -> list[Outcome]:
        return self.keep(arrivals(events, received_at))

    def keep(self, taken: Sequence[Arrival]) -> list[Outcome]:
        return self.writer.submit(taken).result(20)

    def close(self) -> None:
        self.writer.close()
        self.journal.close()


def arrivals(events: Sequence[Row], received_at: int | None = None) -> list[Arrival]:
    receipt = Receipt(ORIGIN, received_at or time.time_ns() // 1000, AGES)
    return [
        arrival(dict(one), receipt, original=json.dumps(one).encode(), position=position)
        for position, one in enumerate(events, 1)
    ]


def refusal(original: bytes, position: int = 1) -> Arrival:
    receipt = Receipt(ORIGIN, time.time_ns() // 1000, AGES)
    return refused(Refusal(MALFORMED_JSON, "it is no JSON"), receipt, original=original, position=position)


def poison(number: int) -> Arrival:
    """What no check has foreseen: bytes that are no text, as an event that was taken."""
    return Arrival(
        b'{"event_id":"p%d","event_name":"\xff\xfe"}' % number,
        ORIGIN,
        time.time_ns() // 1000,
        b"%16d" % number,
    )
