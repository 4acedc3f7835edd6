"""Group commit: a thread that puts all that waits into one transaction, and answers after it is on disk."""

import asyncio
import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError, JournalFull, JournalUnavailable
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.commit import SameEvent, keep
from headwater.journal.delays import Delays
from headwater.journal.journal_file import JournalFile
from headwater.journal.room import Room, full
from headwater.journal.tables import live_bytes, now

_GROUP_ROWS = 8_192
_GROUP_BYTES = 8 * 1024 * 1024
_QUEUE_BYTES = 64 * 1024 * 1024
_ROW_BYTES = 200  # about what a row takes beside its body
_DELAYS_SECONDS = 1.0  # from one note of them to the next
_DELAYS_KEPT = 900  # seconds
_CLOSE_SECONDS = 8.0

_log = logging.getLogger(__name__)


class _Submitted:
    __slots__ = ("arrivals", "future", "loop", "size")

    def __init__(
        self, arrivals: Sequence[Arrival], future: Any, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self.arrivals = arrivals
        self.future = future
        self.loop = loop
        self.size = sum(len(arrival.body) for arrival in arrivals) + _ROW_BYTES * len(arrivals)


Answer = tuple[_Submitted, list[Outcome] | Exception]


class Writer:
    """One for each worker process. All arrivals of one submit are in one transaction; many submits share one.

    An answer comes after COMMIT. Errors are JournalFull (what is there is not loaded yet), DiskFull,
    JournalUnavailable and JournalDamaged: nothing of that submit was kept, and a later one may succeed."""

    def __init__(self, path: Path, max_bytes: int, same_event: SameEvent) -> None:
        self._file = JournalFile(path)
        self._room = Room(path, max_bytes)
        self._same_event = same_event
        self._queue: deque[_Submitted] = deque()
        self._queued_bytes = 0
        self._closing = False
        self._change = threading.Condition()
        self._delays = Delays()
        self._worker = f"{os.getpid()}-{id(self)}"
        self._delays_noted = 0
        self._file.ask(live_bytes)  # a journal that cannot be used is told of at the start
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(self, arrivals: Sequence[Arrival]) -> "Future[list[Outcome]]":
        """One outcome for each arrival, once all are on disk."""
        future: Future[list[Outcome]] = Future()
        self._enqueue(_Submitted(arrivals, future, None))
        return future

    async def submit_async(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """The same for asyncio: each commit wakes the loop once, however many wait for it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._enqueue(_Submitted(arrivals, future, loop))
        return await future

    def queued_bytes(self) -> int:
        return self._queued_bytes

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Commits what is queued; what is left after that time is answered with JournalUnavailable."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._change:
                left = list(self._queue)
                self._queue.clear()
            _answer([(one, _stopping()) for one in left])
        else:
            self._file.close()

    def _enqueue(self, submitted: _Submitted) -> None:
        with self._change:
            if self._closing:
                raise _stopping()
            if self._queued_bytes + submitted.size > _QUEUE_BYTES and self._queue:
                raise JournalFull(
                    "More arrives than the disk takes; send again in a moment, or send less at a time."
                )
            self._queue.append(submitted)
            self._queued_bytes += submitted.size
            self._change.notify()

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if not group and self._closing:
                return
            self._commit(group)

    def _next_group(self) -> list[_Submitted]:
        """What waits, as far as it goes into one commit. Nothing at the end, or when only delays are to be noted."""
        with self._change:
            while not self._queue and not self._closing:
                if not self._change.wait(_DELAYS_SECONDS if self._delays.count() else None):
                    break
            group: list[_Submitted] = []
            rows = size = 0
            while self._queue:
                one = self._queue[0]
                if group and (rows + len(one.arrivals) > _GROUP_ROWS or size + one.size > _GROUP_BYTES):
                    break
                group.append(self._queue.popleft())
                rows += len(one.arrivals)
                size += one.size
            self._queued_bytes -= size
            return group

    def _commit(self, group: list[_Submitted]) -> None:
        try:
            answers = self._file.change(lambda connection: self._keep(connection, group))
        except HeadwaterError as error:
            answers = [(one, type(error)(*error.args)) for one in group]
        except Exception as error:  # whatever it is, whoever waits must hear of it
            if len(group) > 1:
                for one in group:  # and only whoever brought it
                    self._commit([one])
                return
            answers = [(one, error) for one in group]
        self._count_delays(answers)
        _answer(answers)
        try:
            self._file.checkpoint()
        except HeadwaterError as error:
            _log.warning("%s", error)  # the log grows until the next one succeeds

    def _keep(self, connection: sqlite3.Connection, group: list[_Submitted]) -> list[Answer]:
        fitting = self._room.make(connection, [one.size for one in group])
        arrivals = [arrival for one in group[:fitting] for arrival in one.arrivals]
        outcomes = iter(keep(connection, arrivals, now(), self._same_event))
        self._note_delays(connection)
        answers: list[Answer] = [(one, list(islice(outcomes, len(one.arrivals)))) for one in group[:fitting]]
        return answers + [(one, full()) for one in group[fitting:]]

    def _count_delays(self, answers: list[Answer]) -> None:
        durable_at = now()
        for one, result in answers:
            if one.arrivals and not isinstance(result, Exception):
                self._delays.add(durable_at - one.arrivals[0].received_at, len(one.arrivals))

    def _note_delays(self, connection: sqlite3.Connection) -> None:
        """Those of the commits before, once a second and with whatever is committed anyway."""
        second = now() // 1_000_000
        if second == self._delays_noted or not self._delays.count():
            return
        self._delays_noted = second
        connection.execute("delete from delays where second < ?", (second - _DELAYS_KEPT,))
        connection.execute(
            "insert or replace into delays values (?, ?, ?)", (second, self._worker, self._delays.as_json())
        )
        self._delays = Delays()


def _answer(answers: list[Answer]) -> None:
    waiting: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for one, result in answers:
        if one.loop is not None:
            waiting.setdefault(one.loop, []).append((one, result))
        else:
            _resolve(one, result)
    for loop, theirs in waiting.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody who waits
            loop.call_soon_threadsafe(_resolve_all, theirs)


def _resolve_all(answers: list[Answer]) -> None:
    for one, result in answers:
        _resolve(one, result)


def _resolve(one: _Submitted, result: list[Outcome] | Exception) -> None:
    if one.future.done():  # whoever asked has gone
        return
    if isinstance(result, Exception):
        one.future.set_exception(result)
    else:
        one.future.set_result(result)


def _stopping() -> JournalUnavailable:
    return JournalUnavailable("The collector is stopping; send again in a moment.")
