"""What a door's worker leaves arrivals with: a request is answered when the broker has acknowledged all of it."""

import asyncio
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from headwater.errors import JournalFull, JournalUnavailable
from headwater.fan_in.message import encode
from headwater.journal.arrival import Arrival, Outcome

ANSWER_SECONDS = 15.0  # that a message may wait for the broker: as long as it takes to choose a new leader
_QUEUE_BYTES = 64 * 1024 * 1024
_MESSAGE_BYTES = 200  # about what one takes beside its content

Settled = Callable[[Exception | None], None]


class TooLarge(Exception):  # noqa: N818
    """The broker takes no message of that size, now or later."""


class Keeper(Protocol):
    """The local journal's Writer, or one of a broker."""

    async def submit_async(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """One outcome for each arrival, once all are kept."""
        ...

    def submit(self, arrivals: Sequence[Arrival]) -> "Future[list[Outcome]]": ...

    def queued_bytes(self) -> int: ...

    def close(self, seconds: float) -> None:
        """Waits that long for what is under way, and takes nothing more."""
        ...


class BrokerWriter(ABC):
    """Errors are JournalFull (more waits than may) and JournalUnavailable (the broker does not acknowledge).

    Each event is a message of its own. Of a request that has failed some events may have been kept: its sender sends it
    again, and the warehouse knows those by their ids."""

    def __init__(self) -> None:
        self._queued_bytes = 0
        self._turn = threading.Lock()
        self._closing = False
        self._trouble: str | None = (
            None  # why the broker is known not to answer: nobody waits for it meanwhile
        )
        self._trouble_ends = math.inf

    @abstractmethod
    def _publish(self, key: bytes | None, message: bytes, settled: Settled) -> None:
        """Calls `settled` once, from any thread, when the broker has acknowledged the message or will not."""

    @abstractmethod
    def close(self, seconds: float) -> None: ...

    def submit(self, arrivals: Sequence[Arrival]) -> "Future[list[Outcome]]":
        future: Future[list[Outcome]] = Future()

        def answer(result: list[Outcome] | Exception) -> None:
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self._take(arrivals, answer)
        return future

    async def submit_async(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()

        def resolve(result: list[Outcome] | Exception) -> None:
            if future.done():  # whoever asked has gone
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        def answer(result: list[Outcome] | Exception) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(resolve, result)

        self._take(arrivals, answer)
        return await future

    def queued_bytes(self) -> int:
        return self._queued_bytes

    def _take(self, arrivals: Sequence[Arrival], answer: Callable[[list[Outcome] | Exception], None]) -> None:
        if self._closing:
            raise JournalUnavailable("The collector is stopping; send again in a moment.")
        if self._trouble and time.monotonic() < self._trouble_ends:
            raise JournalUnavailable(self._trouble)
        messages = [encode(arrival) for arrival in arrivals]
        size = sum(map(len, messages)) + _MESSAGE_BYTES * len(messages)
        with self._turn:
            if self._queued_bytes and self._queued_bytes + size > _QUEUE_BYTES:
                raise JournalFull(
                    "More arrives than the broker takes; send again in a moment, or send less at a time."
                )
            self._queued_bytes += size
        request = _Request(arrivals, partial(self._answered, size, answer))
        for place, (arrival, message) in enumerate(zip(arrivals, messages, strict=True)):
            self._publish(arrival.key, message, partial(request.settled, place))

    def _answered(
        self,
        size: int,
        answer: Callable[[list[Outcome] | Exception], None],
        result: list[Outcome] | Exception,
    ) -> None:
        with self._turn:
            self._queued_bytes -= size
        answer(result)


class _Request:
    """Arrivals that are answered together."""

    def __init__(
        self, arrivals: Sequence[Arrival], answer: Callable[[list[Outcome] | Exception], None]
    ) -> None:
        self._outcomes = [Outcome.REFUSED if one.reason else Outcome.ACCEPTED for one in arrivals]
        self._left = len(arrivals)
        self._error: Exception | None = None
        self._answer = answer
        self._turn = threading.Lock()
        if not arrivals:
            answer([])

    def settled(self, place: int, error: Exception | None) -> None:
        with self._turn:
            if isinstance(error, TooLarge):
                self._outcomes[place] = Outcome.TOO_LARGE
            elif error:
                self._error = error
            self._left -= 1
            is_last = not self._left
        if is_last:
            self._answer(self._error or self._outcomes)
