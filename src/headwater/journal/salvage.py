"""Makes a new journal of what can still be read of a damaged one, and keeps the damaged files beside it.

Rows keep their numbers and the journal its id, so the engine goes on where it was. The caller holds the lock."""

import json
import logging
import os
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.errors import DiskFull
from headwater.journal.mark import Mark
from headwater.journal.refill import gaps, keep, note_gaps, raise_to
from headwater.journal.remains import Remains, log_of
from headwater.journal.tables import about, connect, make_tables, note

_log = logging.getLogger(__name__)


def make_journal(path: Path, mark: Mark) -> None:
    """A new, empty journal at the path: there as a whole or not at all."""
    _build(path, mark, None)
    put_in_place(path)


def salvage(path: Path, mark: Mark, why: str) -> None:
    """Builds the new journal first; only when it is on disk do the files change places."""
    log = log_of(path)
    held = sum(file.stat().st_size for file in (path, log) if file.exists())
    disk = os.statvfs(path.parent)
    if disk.f_bavail * disk.f_frsize < held:
        raise DiskFull(
            f"The journal {path} is damaged, and the disk has no room to salvage it: free some space."
        )
    _log.warning("The journal %s is damaged (%s): what can be read of it is being salvaged.", path, why)
    aside = _aside(path)
    damage: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "why": why,
        "damaged_file": aside.name,
    }
    _build(path, mark, damage)
    for file, kept in ((path, aside), (log, log_of(aside))):
        if file.exists():
            file.rename(kept)
    put_in_place(path)
    _log.warning(
        "The journal %s is salvaged: %d rows are there, %d of those not yet loaded are lost; see %s for the remains.",
        path,
        damage["rows"],
        damage["lost"],
        aside,
    )


def put_in_place(path: Path) -> None:
    """Gives a new journal that is complete its name, also when the first try was killed on the way."""
    if _complete(path).exists():
        # First the old log goes: SQLite would play it into the new file.
        log_of(path).unlink(missing_ok=True)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        _sync(path.parent)
        _complete(path).rename(path)
        _sync(path.parent)


def _complete(path: Path) -> Path:
    return path.with_name(path.stem + ".salvaged")


def _aside(path: Path) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    return path.with_name(f"{path.stem}.damaged-{moment}{path.suffix}")


def _build(path: Path, mark: Mark, damage: dict[str, Any] | None) -> None:
    """Writes all of the new journal, with what is left of the old one if there is one."""
    part = path.with_name(path.stem + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(connect(str(part), "off")) as connection:
        connection.execute("pragma journal_mode = off")
        connection.execute("begin")
        make_tables(connection, mark.journal_id or str(uuid.uuid4()))
        if damage is not None:
            with closing(Remains(path)) as remains:
                damage |= _fill(connection, remains, mark)
            note(connection, "salvaged", json.dumps(damage))
        connection.execute("commit")
        connection.execute("pragma journal_mode = wal")
    _sync(part)
    part.rename(_complete(path))


def _fill(connection: sqlite3.Connection, remains: Remains, mark: Mark) -> dict[str, int]:
    """Puts in what is left, and says how many rows that is and how many are lost."""
    keep(connection, remains.records())
    if (
        about(connection, "journal_id") == mark.journal_id
    ):  # a journal of another id has nothing to do with it
        raise_to(connection, "loaded", mark.loaded)
    raise_to(connection, "last_seq", about(connection, "loaded") or 0)
    if gaps(connection):
        keep(connection, remains.hidden_records())
    lost = note_gaps(connection)
    (rows,) = connection.execute("select count(*) from arrivals").fetchone()
    return {"rows": rows, "lost": lost}


def _sync(path: Path) -> None:
    """A file, or a folder: a new name survives the loss of power only once its folder is on disk too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
