"""The books: what the door has taken, and what became of it. They balance at any moment."""

from dataclasses import dataclass

from headwater.collect.journal import Journal
from headwater.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Books:
    """accepted is the sum of all the others; lost is what a damaged journal could not give back."""

    accepted: int
    loaded: int
    duplicates: int
    dead_letters: int
    pending: int
    lost: int


def books(warehouse: Warehouse, journal: Journal | None) -> Books:
    if journal is None:  # nothing has ever come in through the door
        return Books(0, 0, 0, 0, 0, 0)
    found = warehouse.query(
        "select position, loaded, duplicates, dead_letters from headwater_positions "
        f"where journal_id = '{journal.journal_id}'"
    ).to_pylist()
    row = found[0] if found else {"position": 0, "loaded": 0, "duplicates": 0, "dead_letters": 0}
    at_the_door, last_seq = journal.duplicates(), max(journal.last_seq(), row["position"])
    return Books(
        accepted=last_seq + at_the_door,
        loaded=row["loaded"],
        duplicates=row["duplicates"] + at_the_door,
        dead_letters=row["dead_letters"],
        pending=last_seq - row["position"],
        lost=row["position"] - row["loaded"] - row["duplicates"] - row["dead_letters"],
    )
