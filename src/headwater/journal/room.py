"""How much more the journal may take: its own limit, and the disk's."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import DiskFull, JournalFull
from headwater.journal.tables import about, live_bytes, note

DROPPED_AT_ONCE = 2_000  # rows, so that no commit waits long for it
LOG_BYTES = 32 * 1024 * 1024  # what SQLite's log may need for a moment


def make_room(connection: sqlite3.Connection, path: Path, max_bytes: int, sizes: Sequence[int]) -> int:
    """How many of the submits, of these sizes and in this order, fit. Loaded rows give way, no others."""
    _check_disk(connection, path, sum(sizes))
    held = live_bytes(connection)
    while held + sum(sizes) > max_bytes and _drop_oldest_loaded(connection):
        held = live_bytes(connection)
    fitting = 0
    for size in sizes:
        held += size
        if held > max_bytes:
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


def _check_disk(connection: sqlite3.Connection, path: Path, size: int) -> None:
    disk = os.statvfs(path.parent)
    free = disk.f_bavail * disk.f_frsize
    reserve = min(max(64 * 1024 * 1024, disk.f_blocks * disk.f_frsize // 100), 1024 * 1024 * 1024)
    if free >= reserve:
        return
    # Pages that pruning has freed are room as well, as long as there is some for the log.
    pages, bytes_each = connection.execute(
        "select freelist_count, page_size from pragma_freelist_count, pragma_page_size"
    ).fetchone()
    if free < LOG_BYTES or pages * bytes_each < 2 * size:
        raise DiskFull(
            f"The disk of {path} is nearly full; free some space, and the journal goes on by itself."
        )
