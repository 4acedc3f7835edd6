"""How far the engine had loaded, kept apart from the journal: in its lock file, for the day the journal loses its end.

Without it, new rows would get the numbers of lost ones that were loaded before, and nobody would ever read them."""

import os

import msgspec

from headwater.journal.tables import checksum

_BYTES = 256


class Mark(msgspec.Struct, frozen=True):
    journal_id: str | None = None
    loaded: int = 0


class _Kept(msgspec.Struct):
    mark: Mark
    checksum: int


def read_mark(descriptor: int) -> Mark:
    """What was written last; an empty mark if there is none that can be read."""
    try:
        kept = msgspec.json.decode(os.pread(descriptor, _BYTES, 0), type=_Kept)
    except msgspec.DecodeError:
        return Mark()
    return kept.mark if checksum(msgspec.structs.astuple(kept.mark)) == kept.checksum else Mark()


def write_mark(descriptor: int, mark: Mark) -> None:
    kept = _Kept(mark, checksum(msgspec.structs.astuple(mark)))
    os.pwrite(descriptor, msgspec.json.encode(kept).ljust(_BYTES), 0)
