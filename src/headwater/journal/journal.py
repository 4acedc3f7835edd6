"""The journal as the engine sees it: read in order, say how far it has got, prune what is loaded."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headwater.errors import JournalDamaged
from headwater.journal.delays import Delays
from headwater.journal.journal_file import JournalFile
from headwater.journal.received import Found, received
from headwater.journal.refill import raise_to
from headwater.journal.tables import COLUMNS, about, checksum, live_bytes, now

READ_BYTES = 32 * 1024 * 1024  # of bodies in one read, so that large ones do not fill the memory
_NEWEST_ROWS = 20_000  # the largest request of one worker, committed behind a later one of another
_READ = f"select {', '.join(COLUMNS)}, checksum from arrivals where seq > ? order by seq limit ?"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One arrival as it is kept. `seq` follows the order of commits: who has read up to n misses none below."""

    seq: int
    body: bytes
    origin: str
    reason: str | None
    detail: str | None
    position: int | None
    received_at: int  # microseconds since 1970
    journaled_at: int


class Journal:
    """Opens the journal, or makes it. Threads may share it; each reading is one short snapshot.

    It commits without waiting for the disk: how far the engine has got may be forgotten, an arrival may not, and
    those are the Writer's. Errors are JournalUnavailable, JournalDamaged and DiskFull; a later call may succeed."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path, synchronous="normal")
        self.journal_id: str = self._about("journal_id")

    def read(self, after: int, limit: int) -> list[Row]:
        """The next rows behind `after`, at most `limit` of them and about 32 MB; none if there are none yet."""
        return self._file.ask(lambda connection: _rows(connection, after, limit))

    def parts(self) -> Sequence["Journal"]:
        """What is read in order, each with a position of its own: a local journal is one."""
        return (self,)

    def journal_ids(self) -> Sequence[str]:
        return (self.journal_id,)

    def broker(self) -> None:
        return None

    def last_seq(self) -> int:
        """The newest row's number, also when that row is pruned; 0 before the first."""
        return self._about("last_seq") or 0

    def duplicates(self) -> int:
        """How many arrivals were not kept because the same event was there."""
        return self._about("duplicates") or 0

    def loaded(self) -> int:
        """How far the engine has said that it has loaded."""
        return self._about("loaded") or 0

    def dropped_early(self) -> tuple[int, int | None]:
        """How many loaded rows gave way to new ones before their time, and when the last of them was journaled."""
        return self._about("dropped_early") or 0, self._about("dropped_early_until")

    def salvaged(self) -> dict[str, Any] | None:
        """The last salvage of a damaged journal, if there was one: at, why, rows, lost, damaged_file."""
        said = self._about("salvaged")
        return json.loads(said) if said else None

    def size_bytes(self) -> int:
        return self._file.ask(live_bytes)

    def kept_since(self) -> int | None:
        """When the oldest row that is still there was journaled."""
        oldest = self._file.ask(
            lambda connection: connection.execute(
                "select journaled_at from arrivals order by seq limit 1"
            ).fetchone()
        )
        return oldest[0] if oldest else None

    def last_received_at(self) -> int | None:
        """The latest receipt among the newest rows: requests are committed nearly, but not quite, in order."""
        return self._file.ask(_last_received_at)

    def received_behind(self, position: int) -> int | None:
        """When the first row behind that one was received; None where none is there."""
        first = self._file.ask(
            lambda connection: connection.execute(
                "select received_at from arrivals where seq > ? order by seq limit 1", (position,)
            ).fetchone()
        )
        return first[0] if first else None

    def received(self, moments: Collection[int]) -> list[Found]:
        """Of the rows received at those moments: that moment, the body, and when they were journaled."""
        return self._file.ask(lambda connection: received(connection, moments))

    def delays(self, seconds: int) -> Delays:
        """From the door to the disk, over the last seconds and all workers."""
        found = self._file.ask(
            lambda connection: connection.execute(
                "select counts from delays where second > ?", (now() // 1_000_000 - seconds,)
            ).fetchall()
        )
        delays = Delays()
        for (counts,) in found:
            delays.add_json(counts)
        return delays

    def note_loaded(self, seq: int) -> None:
        """Rows up to `seq` are safe elsewhere: they may be pruned. To be said at the start of the engine too."""
        self._file.mark(seq)
        self._file.change(lambda connection: _note_loaded(connection, seq))

    def resume_at(self, seq: int) -> None:
        self.note_loaded(seq)

    def prune(self, loaded_up_to: int, older_than_us: int, limit: int) -> int:
        """Deletes the oldest rows that are loaded and were journaled before that moment, and says how many."""
        self.note_loaded(loaded_up_to)
        return self._file.change(
            lambda connection: (
                connection.execute(
                    "delete from arrivals where seq in (select seq from (select seq, journaled_at from arrivals "
                    "where seq <= ? order by seq limit ?) where journaled_at < ?)",
                    (loaded_up_to, limit, older_than_us),
                ).rowcount
            )
        )

    def close(self) -> None:
        self._file.close()

    def _about(self, name: str) -> Any:
        return self._file.ask(lambda connection: about(connection, name))


def _rows(connection: sqlite3.Connection, after: int, limit: int) -> list[Row]:
    rows: list[Row] = []
    left = READ_BYTES
    # Damage inside a page can hide rows without an error. Those not loaded have no gaps, so a gap tells.
    loaded = about(connection, "loaded") or 0
    before = max(after, loaded)
    for *values, kept in connection.execute(_READ, (after, limit)):
        if checksum(tuple(values)) != kept:
            raise JournalDamaged(f"row {values[0]} is not what was written")
        seq, _, _, body, *others = values
        if seq > before:
            _check_gap(connection, before, seq)
            before = seq
        rows.append(Row(seq, body, *others))
        left -= len(body)
        if left <= 0:
            break
    else:
        if len(rows) < limit:
            _check_gap(connection, before, max(before, about(connection, "last_seq") or 0) + 1)
    return rows


def _last_received_at(connection: sqlite3.Connection) -> int | None:
    last = None
    left = READ_BYTES
    newest = "select received_at, length(body) from arrivals order by seq desc limit ?"
    for received_at, size in connection.execute(newest, (_NEWEST_ROWS,)):
        last = max(received_at, last or received_at)
        left -= size
        if left <= 0:
            break
    return last


def _check_gap(connection: sqlite3.Connection, before: int, seq: int) -> None:
    known = json.loads(about(connection, "missing") or "[]") if seq != before + 1 else []
    if seq != before + 1 and not any(first <= before + 1 and seq - 1 <= last for first, last in known):
        raise JournalDamaged(f"the rows from {before + 1} to {seq - 1} are not found")


def _note_loaded(connection: sqlite3.Connection, seq: int) -> None:
    raise_to(connection, "loaded", seq)
    # A journal that has lost its end must not give the numbers again: nobody would read those rows.
    raise_to(connection, "last_seq", seq)
