"""What the door hands to the journal: events that it has checked, and what it has refused."""

from enum import Enum

import msgspec


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One event, or one refusal, that headwater answers for once it is in the journal.

    An event is its canonical JSON (`event.CANONICAL_SCHEMA`, with event_id, stream_id and received_at), a refusal
    is its original bytes; a refusal has a reason and no key."""

    body: bytes
    origin: str  # the door that it came through, with what the original needs to be read again
    received_at: int  # microseconds since 1970
    key: bytes | None = None  # 16 bytes that name (stream_id, event_id)
    payload: bytes | None = None  # 16 bytes over what the event says, without what the door itself has added
    reason: str | None = None
    detail: str | None = None
    position: int | None = None  # the event's place in its request


class Outcome(Enum):
    """What became of an arrival, once it is on disk."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"  # the same event came before: counted, not kept
    CONFLICT = "id_conflict"  # another event with this id came before: kept as a refusal
    REFUSED = "refused"
    TOO_LARGE = (
        "too_large"  # for the broker, where one stands in for the journal: not kept, its sender is told
    )
