"""Tells whoever listens that the tables have changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

ALIVE_SECONDS = 15.0  # so that proxies keep the connection, and a listener that is gone is noticed


@dataclass
class Publications:
    """Counts them. `publish` may be called on any thread, the rest on the loop's."""

    number: int = 0
    build_id: int = 0
    at: datetime | None = None
    _lock: Lock = field(default_factory=Lock)
    _listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)

    def publish(self, build_id: int) -> None:
        with self._lock:
            self.number += 1
            self.build_id = build_id
            self.at = datetime.now(UTC)
            listeners = tuple(self._listeners)
        for loop, event in listeners:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(event.set)

    async def follow(self) -> AsyncIterator[int | None]:
        """The number now, and then each newer one; None every so often. Who is slow gets the newest alone."""
        changed = asyncio.Event()
        listener = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._listeners.add(listener)
        try:
            told = self.number
            yield told
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), ALIVE_SECONDS)
                changed.clear()
                if self.number == told:
                    yield None
                else:
                    told = self.number
                    yield told
        finally:
            with self._lock:
                self._listeners.discard(listener)
