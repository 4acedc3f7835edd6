"""The journal's file: its lock, and the one way to open, to read and to change it."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from headwater.errors import DiskFull, JournalDamaged, JournalError, JournalUnavailable
from headwater.journal.mark import Mark, read_mark, write_mark
from headwater.journal.refill import raise_to
from headwater.journal.remains import log_of
from headwater.journal.rescue import bring_back, forgotten
from headwater.journal.salvage import make_journal, put_in_place, salvage
from headwater.journal.tables import BUSY_MILLISECONDS, about, connect, has_our_tables

T = TypeVar("T")

# What the file of every journal begins with: SQLite 3, pages of 4096 bytes, a log.
_HEADER = b"SQLite format 3\0" + bytes.fromhex("1000 0202 0040 2020")
_LOG_BYTES = 4 * 1024 * 1024
_READER_MILLISECONDS = 200
_TO_READ, _TO_CHANGE = "begin", "begin immediate"
_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    # Numbers and keys are looked up before they are inserted: one that is there all the same was not found.
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
)


class JournalFile:
    """One connection, made anew when another process has put a salvaged file in place. Threads may share it.

    `synchronous` is full where a commit is a promise: with a log, SQLite then calls fdatasync on it before COMMIT
    returns (with normal, only at a checkpoint), so what is acknowledged survives the loss of power."""

    def __init__(self, path: Path, synchronous: str = "full") -> None:
        self.path = path
        self._place, self._log_place = str(path), str(log_of(path))  # asked for with every commit
        self._synchronous = synchronous
        self._turn = RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._patience = 4 * _LOG_BYTES
        self._forgotten: list[list[Any]] = []
        self._depth = 0  # of locks inside each other
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(
                f"The journal {path} cannot be made ({error.strerror}): choose another --home."
            ) from error

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Answers from one short snapshot. A damaged file is salvaged on the way."""
        return self._try(question)

    def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """All of it is committed when this returns, or nothing. A damaged file is salvaged on the way."""
        with self._turn, self._locked():
            return self._try(change, begin=_TO_CHANGE)

    def checkpoint(self) -> None:
        """Moves the log into the file when it has grown.

        Always under the lock: SQLite before 3.51.3 can lose a log that starts anew during a checkpoint."""
        if _size(self._log_place) < _LOG_BYTES:
            return
        with self._turn, self._locked(), self._said_plainly():
            connection = self._connection
            log = _size(self._log_place)
            if connection is None or self._is_replaced() or log < _LOG_BYTES:
                return
            if log < self._patience:
                connection.execute("pragma wal_checkpoint(passive)").fetchone()
                return
            # Readers without a pause keep the log from starting anew: it waits a moment for those that read now.
            connection.execute(f"pragma busy_timeout = {_READER_MILLISECONDS}")
            (is_stuck, _, _) = connection.execute("pragma wal_checkpoint(restart)").fetchone()
            connection.execute(f"pragma busy_timeout = {BUSY_MILLISECONDS}")
            self._patience = (log if is_stuck else 0) + 4 * _LOG_BYTES

    def mark(self, loaded: int) -> None:
        """Keeps apart from the file how far the engine has loaded."""
        journal_id = self.ask(lambda connection: about(connection, "journal_id"))
        with self._turn, self._locked():
            if loaded > read_mark(self._lock).loaded or journal_id != read_mark(self._lock).journal_id:
                write_mark(self._lock, Mark(journal_id, loaded))

    def close(self) -> None:
        with self._turn:
            self._let_go()
            os.close(self._lock)

    def _try(self, work: Callable[[sqlite3.Connection], T], begin: str = _TO_READ) -> T:
        with self._turn, self._said_plainly():
            connection = self._current()
            try:
                return self._in_transaction(connection, work, begin)
            except (sqlite3.Error, JournalDamaged) as error:
                if not _is_damage(error):
                    self._let_go()  # the next call looks at the file again
                    raise
                self._replace_damaged(str(error))
            return self._in_transaction(self._current(), work, begin)

    def _in_transaction(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], begin: str
    ) -> T:
        try:
            with self._locked():
                # The snapshot starts here: while a checkpoint waits for readers to end, no others may begin.
                connection.execute(begin)
                if begin == _TO_READ:  # which alone would start none
                    connection.execute("select 1 from about").fetchone()
            done = work(connection)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        return done

    def _current(self) -> sqlite3.Connection:
        if self._connection is None or self._is_replaced():
            with self._locked():
                self._open()
        assert self._connection
        return self._connection

    def _is_replaced(self) -> bool:
        try:
            return os.stat(self._place).st_ino != self._inode
        except FileNotFoundError:
            return True

    def _open(self) -> None:
        self._let_go()
        put_in_place(self.path)
        if not self.path.exists() and not _size(log_of(self.path)):
            make_journal(self.path, Mark())
        why = _damage_to_see(self.path)
        if why:
            salvage(self.path, read_mark(self._lock), why)
        try:
            self._connect()
        except (sqlite3.Error, JournalDamaged) as error:
            self._let_go()
            if not _is_damage(error):
                raise
            salvage(self.path, read_mark(self._lock), str(error))
            self._connect()

    def _connect(self) -> None:
        self._inode = os.stat(self.path).st_ino
        # They stay at hand until they are brought back: opening and closing takes them off the disk.
        self._forgotten += forgotten(self.path)
        self._connection = connection = connect(str(self.path), self._synchronous)
        if not has_our_tables(connection):
            raise JournalDamaged("its tables are not those of a journal")
        if self._forgotten:
            bring_back(connection, self._forgotten)
            self._forgotten = []
        mark = read_mark(self._lock)
        if about(connection, "journal_id") == mark.journal_id:
            raise_to(connection, "last_seq", mark.loaded)

    def _replace_damaged(self, why: str) -> None:
        with self._locked():
            if not self._is_replaced():  # by another process that met the damage first
                self._let_go()
                salvage(self.path, read_mark(self._lock), why)

    def _let_go(self) -> None:
        if self._connection is not None:
            with self._locked():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else writes, checkpoints or salvages. Waiters stand in a queue, where SQLite would have them poll."""
        if not self._depth:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        """Turns what SQLite says into an error that names the next step."""
        try:
            yield
        except JournalDamaged as error:
            raise JournalDamaged(
                f"The journal {self.path} is damaged again after a salvage ({error}): check the disk and the memory."
            ) from error
        except (sqlite3.Error, OSError) as error:
            if _code(error) & 0xFF == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == errno.ENOSPC:
                raise DiskFull(
                    f"The disk of {self.path} is full: free some space, and the journal goes on by itself."
                ) from error
            raise JournalUnavailable(
                f"The journal {self.path} cannot be used now ({error}): try again in a moment."
            ) from error


def _damage_to_see(path: Path) -> str | None:
    """What SQLite would pass over in silence, or take for something else."""
    if _size(path) == 0:
        return "it is empty"
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            return "it does not begin as a journal does"
    return None


def _size(place: Path | str) -> int:
    try:
        return os.stat(place).st_size
    except FileNotFoundError:
        return 0


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, JournalDamaged):
        return True
    code = _code(error)
    is_garbled_text = isinstance(error, sqlite3.OperationalError) and code == 0
    return is_garbled_text or code in _DAMAGE or code & 0xFF in _DAMAGE[:2]
