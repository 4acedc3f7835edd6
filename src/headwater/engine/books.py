"""The books: what the door has taken, and what became of it. They balance at any moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.fan_in import Intake
from headwater.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Books:
    """accepted is the sum of all the others; lost is what a damaged journal, or a broker, could not give back.

    pending is None where a broker does not tell: accepted is what has come from it so far then."""

    accepted: int
    loaded: int
    duplicates: int
    dead_letters: int
    pending: int | None
    lost: int


@dataclass(frozen=True)
class Entry:
    """The warehouse's side: how far it has come with a journal, and what became of those events."""

    position: int = 0
    loaded: int = 0
    duplicates: int = 0
    dead_letters: int = 0


def entry(warehouse: Warehouse, journal: Intake | None) -> Entry:
    """Of all the parts of a journal together."""
    ids = journal.journal_ids() if journal else ()
    found = [
        row
        for row in warehouse.query(
            "select journal_id, position, loaded, duplicates, dead_letters from headwater_positions"
        ).to_pylist()
        if row["journal_id"] in ids
    ]
    names = ("position", "loaded", "duplicates", "dead_letters")
    return Entry(*(sum(int(row[name]) for row in found) for name in names))


def unseen(warehouse: Warehouse) -> tuple[int, int] | None:
    """When the oldest streamed event that no build has made visible was received and loaded."""
    (found,) = warehouse.query(
        """
        select min(events.received_at) as received_at, min(batches.appended_at) as loaded_at
        from events_streaming as events
        inner join headwater_batches as batches on batches.batch_id = events.batch_id
        where events.batch_id > (select coalesce(max(to_batch), 0) from headwater_builds)
        """
    ).to_pylist()
    if found["received_at"] is None:
        return None
    return microseconds(found["received_at"]), microseconds(found["loaded_at"])


def microseconds(at: datetime) -> int:
    """Since 1970, of a moment as warehouses give it: UTC, and without saying so."""
    return (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def books(row: Entry, journal: Intake | None) -> Books:
    """They balance with an older entry, too: what was loaded since is still pending then."""
    if journal is None:  # nothing has ever come in through the door
        return Books(0, 0, 0, 0, 0, 0)
    at_the_door, last_seq = journal.duplicates(), journal.last_seq()
    pending = None if last_seq is None else max(last_seq - row.position, 0)
    return Books(
        accepted=row.position + (pending or 0) + at_the_door,
        loaded=row.loaded,
        duplicates=row.duplicates + at_the_door,
        dead_letters=row.dead_letters,
        pending=pending,
        lost=row.position - row.loaded - row.duplicates - row.dead_letters,
    )
