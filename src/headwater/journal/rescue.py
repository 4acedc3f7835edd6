"""Brings back what SQLite forgets at the end of its log: it drops everything behind the first damaged byte.

After a plain kill there is nothing to bring back, or rows of a commit that nobody was told of: they may stay."""

import logging
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from headwater.journal.refill import keep, note_gaps
from headwater.journal.remains import log_of, records_in
from headwater.journal.tables import COLUMNS, about
from headwater.journal.wal import unseen

_log = logging.getLogger(__name__)


def forgotten(path: Path) -> list[list[Any]]:
    """Rows at the end of the log that SQLite will not see. A log with whole commits among them is kept aside."""
    log = log_of(path)
    frames = unseen(log)
    if any(frame.is_commit and frame.is_whole for frame in frames):
        aside = path.with_name(f"{path.stem}.damaged-log")
        shutil.copyfile(log, aside)
        _log.warning("The log of the journal %s is damaged: rows behind the damage are brought back.", path)
    return list(records_in(frames, lambda _: b""))


def bring_back(connection: sqlite3.Connection, rows: list[list[Any]]) -> None:
    last = about(connection, "last_seq") or 0
    connection.execute("begin immediate")  # closing the connection takes back what fails
    # What is behind the last number is new; all else was there, or has been pruned.
    keep(connection, (row for row in rows if len(row) != len(COLUMNS) + 1 or row[0] > last))
    note_gaps(connection)
    connection.execute("commit")
