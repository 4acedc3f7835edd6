"""Keeps each answer until the tables change, and asks the warehouse once however many ask at a time."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import monotonic

MOST_BYTES = 64 * 1024**2  # of answers that are kept

# The tables may change several times a second. Where many ask the same, they are told an answer of this age while the
# next one is being made, so that nobody waits for it; and it is made at most once in the first of these seconds.
REPEATED_SECONDS, LONGEST_SECONDS = 1.0, 2.0


@dataclass(frozen=True)
class Answer:
    body: bytes
    media_type: str
    build_id: int
    next_cursor: str | None = None

    @property
    def etag(self) -> str:
        """Of the content alone: it stays where a new build changes nothing in it."""
        return f'"{hashlib.blake2b(self.body + self.media_type.encode(), digest_size=12).hexdigest()}"'


@dataclass(frozen=True)
class Kept:
    version: int
    answer: Answer
    etag: str
    made_at: float = field(default_factory=lambda: monotonic())

    def is_recent(self, seconds: float) -> bool:
        return monotonic() - self.made_at < seconds


class Answers:
    """For one event loop."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[tuple[Hashable, int], asyncio.Future[Kept]] = {}

    async def get(self, key: Hashable, version: int, make: Callable[[], Answer]) -> Kept:
        """The one of that version, a number that changes whenever the answer may; or one that was made just now."""
        kept = self._kept.get(key)
        if kept:
            self._kept.move_to_end(key)
            if kept.version == version or kept.is_recent(REPEATED_SECONDS):
                return kept
        flight = self._flight(key, version, make)
        if kept and kept.is_recent(LONGEST_SECONDS):
            return kept
        # whoever asked first may leave: the others still wait for it
        return await asyncio.shield(flight)

    def _flight(self, key: Hashable, version: int, make: Callable[[], Answer]) -> "asyncio.Future[Kept]":
        flight = self._under_way.get((key, version))
        if flight is None:
            flight = asyncio.ensure_future(self._made(key, version, make))
            self._under_way[key, version] = flight
            flight.add_done_callback(lambda _: self._under_way.pop((key, version), None))
            flight.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # where nobody waits for it
        return flight

    async def _made(self, key: Hashable, version: int, make: Callable[[], Answer]) -> Kept:
        answer = await asyncio.get_running_loop().run_in_executor(self._executor, make)
        kept = Kept(version, answer, answer.etag)
        self._keep(key, kept)
        return kept

    def _keep(self, key: Hashable, kept: Kept) -> None:
        old = self._kept.pop(key, None)
        self._bytes += len(kept.answer.body) - (len(old.answer.body) if old else 0)
        self._kept[key] = kept
        while self._bytes > MOST_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.answer.body)
