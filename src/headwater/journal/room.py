"""How much more the journal may take: its own limit, and the disk's."""

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import DiskFull, JournalFull
from headwater.journal.tables import about, live_bytes, note

DROPPED_AT_ONCE = 2_000  # rows, so that no commit waits long for it
LOG_BYTES = 32 * 1024 * 1024  # what SQLite's log may need for a moment
GOOD_FOR = 0.1  # seconds for which a look at what is free holds
_SHARE = 16  # of what was free that may be filled meanwhile, as other workers fill it, too


class Room:
    """Looks at the journal's size and at the disk's, but not for every commit."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._spare = 0
        self._looks_again_at = 0.0

    def make(self, connection: sqlite3.Connection, sizes: Sequence[int]) -> int:
        """How many of the submits, of these sizes and in this order, fit. Loaded rows give way, no others."""
        wanted = sum(sizes)
        if wanted > self._spare or time.monotonic() > self._looks_again_at:
            self._spare = self._look(connection, wanted) // _SHARE
            self._looks_again_at = time.monotonic() + GOOD_FOR
            if wanted > self._spare:
                return self._fitting(connection, sizes)
        self._spare -= wanted
        return len(sizes)

    def _look(self, connection: sqlite3.Connection, wanted: int) -> int:
        """What is free for certain, in bytes."""
        on_disk = _free_on_disk(connection, self._path, wanted)
        return min(on_disk, self._max_bytes - live_bytes(connection))

    def _fitting(self, connection: sqlite3.Connection, sizes: Sequence[int]) -> int:
        held = live_bytes(connection)
        while held + sum(sizes) > self._max_bytes and _drop_oldest_loaded(connection):
            held = live_bytes(connection)
        fitting = 0
        for size in sizes:
            held += size
            if held > self._max_bytes:
                break
            fitting += 1
        return fitting


def _drop_oldest_loaded(connection: sqlite3.Connection) -> int:
    oldest = connection.execute(
        "select seq, journaled_at from arrivals where seq <= ? order by seq limit ?",
        (about(connection, "loaded") or 0, DROPPED_AT_ONCE),
    ).fetchall()
    if oldest:
        seq, journaled_at = oldest[-1]
        connection.execute("delete from arrivals where seq <= ?", (seq,))
        note(connection, "dropped_early", (about(connection, "dropped_early") or 0) + len(oldest))
        note(connection, "dropped_early_until", journaled_at)
    return len(oldest)


def full() -> JournalFull:
    return JournalFull(
        "The journal holds all that collect.journal_max_mb allows, and the engine has not loaded it yet; "
        "send again in a moment, and see `headwater status` if this lasts."
    )


def _free_on_disk(connection: sqlite3.Connection, path: Path, size: int) -> int:
    """Bytes above what is left alone; an error where not even these fit."""
    disk = os.statvfs(path.parent)
    free = disk.f_bavail * disk.f_frsize
    reserve = min(max(64 * 1024 * 1024, disk.f_blocks * disk.f_frsize // 100), 1024 * 1024 * 1024)
    if free >= reserve:
        return free - reserve
    # Pages that pruning has freed are room as well, as long as there is some for the log.
    pages, bytes_each = connection.execute(
        "select freelist_count, page_size from pragma_freelist_count, pragma_page_size"
    ).fetchone()
    if free < LOG_BYTES or pages * bytes_each < 2 * size:
        raise DiskFull(
            f"The disk of {path} is nearly full; free some space, and the journal goes on by itself."
        )
    return 0
