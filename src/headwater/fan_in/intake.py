"""What the engine reads from: the local journal, the partitions of a Kafka topic, or a Pub/Sub subscription."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from headwater.journal.delays import Delays
from headwater.journal.journal import Row
from headwater.journal.received import Found


class Part(Protocol):
    """Something that is read in order, by number, and whose position the warehouse keeps."""

    @property
    def journal_id(self) -> str: ...

    def resume_at(self, seq: int) -> None:
        """The warehouse has all up to `seq`, and what was read beyond it is read again."""
        ...

    def read(self, after: int, limit: int) -> list[Row]:
        """The next rows behind `after`; none if there are none yet."""
        ...

    def note_loaded(self, seq: int) -> None:
        """The rows that were read, up to `seq`, are in the warehouse: whoever keeps them may let go of them."""
        ...


class Intake(Protocol):
    def parts(self) -> Sequence[Part]: ...

    def journal_ids(self) -> Sequence[str]:
        """Of the parts, as far as they are known already: asks nobody."""
        ...

    def last_seq(self) -> int | None:
        """The sum of the newest numbers of all parts; None where nobody can tell."""
        ...

    def duplicates(self) -> int:
        """How many were not kept because the same event was there."""
        ...

    def received_behind(self, position: int) -> int | None:
        """When the first row behind that one was received, as far as this process can know."""
        ...

    def received(self, moments: Collection[int]) -> list[Found]: ...

    def delays(self, seconds: int) -> Delays | None:
        """From the door until it was kept, where that is kept as well."""
        ...

    def loaded(self) -> int: ...

    def prune(self, loaded_up_to: int, older_than_us: int, limit: int) -> int: ...

    def broker(self) -> dict[str, Any] | None:
        """What `status` says of it; None for the local journal."""
        ...

    def close(self) -> None: ...


class OfBroker:
    """What brokers have in common: they know of no event whether it came before, and prune by rules of their own."""

    def duplicates(self) -> int:
        return 0

    def received(self, moments: Collection[int]) -> list[Found]:
        return []

    def delays(self, seconds: int) -> Delays | None:
        return None

    def loaded(self) -> int:
        return 0

    def prune(self, loaded_up_to: int, older_than_us: int, limit: int) -> int:
        return 0
