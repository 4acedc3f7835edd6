"""The journal's tables, what it keeps of itself, and the checksum that every row carries."""

import sqlite3
import time
import zlib
from typing import Any, Final

import msgspec

from headwater.errors import JournalDamaged

PAGE_BYTES: Final = 4096
BUSY_MILLISECONDS = 5_000  # only for whoever writes past our own lock, such as an sqlite3 shell
COLUMNS: Final = (
    "seq",
    "key",
    "payload",
    "body",
    "origin",
    "reason",
    "detail",
    "position",
    "received_at",
    "journaled_at",
)
TABLES: Final = (
    # seq follows the order of commits, has no gaps and is never given twice; times are microseconds since 1970.
    "CREATE TABLE arrivals (seq integer primary key, key blob unique, payload blob, body blob not null, "
    "origin text not null, reason text, detail text, position integer, received_at integer not null, "
    "journaled_at integer not null, checksum integer not null)",
    "CREATE TABLE about (name text primary key, value, checksum integer not null)",
    "CREATE TABLE delays (second integer, worker text, counts text, primary key (second, worker))",
)

_SCHEMA_VERSION = 1
_ALWAYS = ("last_seq", "duplicates", "loaded")  # from the beginning: one that is missing has been lost
_encode = msgspec.msgpack.Encoder().encode


def checksum(values: tuple[Any, ...]) -> int:
    """Over a whole row, in the order of COLUMNS: SQLite itself does not notice a flipped bit."""
    return zlib.crc32(_encode(values))


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_MILLISECONDS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=192,  # a commit's look-ups and inserts come in 65 sizes each
    )
    connection.execute(f"pragma synchronous = {synchronous}")
    connection.execute("pragma wal_autocheckpoint = 0")  # JournalFile.checkpoint does it, under the lock
    connection.execute("pragma journal_size_limit = 0")  # a log that has grown is cut once it starts anew
    connection.execute("pragma secure_delete = on")  # what is pruned leaves the disk, and no salvage finds it
    connection.execute("pragma cache_size = -65536")
    return connection


def make_tables(connection: sqlite3.Connection, journal_id: str) -> None:
    for statement in TABLES:
        connection.execute(statement)
    note(connection, "journal_id", journal_id)
    note(connection, "schema", _SCHEMA_VERSION)
    for counter in _ALWAYS:
        note(connection, counter, 0)


def has_our_tables(connection: sqlite3.Connection) -> bool:
    said = connection.execute("select sql from sqlite_schema where type = 'table' order by rowid")
    return tuple(sql for (sql,) in said) == TABLES


def about(connection: sqlite3.Connection, name: str) -> Any:
    """A name or a counter that the journal keeps of itself; None if there is none yet."""
    row = connection.execute("select value, checksum from about where name = ?", (name,)).fetchone()
    if row is None:
        if name in (*_ALWAYS, "journal_id"):
            raise JournalDamaged(f"what the journal says of its {name} is not found")
        return None
    if checksum((name, row[0])) != row[1]:
        raise JournalDamaged(f"what the journal says of its {name} is damaged")
    return row[0]


def note(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute(
        "insert into about values (?, ?, ?) "
        "on conflict (name) do update set value = excluded.value, checksum = excluded.checksum",
        (name, value, checksum((name, value))),
    )


def live_bytes(connection: sqlite3.Connection) -> int:
    """What the journal holds; pages that pruning has freed are used again and do not count."""
    pages, free = connection.execute(
        "select page_count, freelist_count from pragma_page_count, pragma_freelist_count"
    ).fetchone()
    return int(pages - free) * PAGE_BYTES


def now() -> int:
    return time.time_ns() // 1000
