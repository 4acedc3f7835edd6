"""Says when a request was received: each later than the one before, whatever the system's clock does."""

import fcntl
import mmap
import tempfile
import time
from collections.abc import Callable
from typing import Final

# A clock that was further ahead than this was wrong, and is believed once it is put right: held to, it would make
# every true time look late.
FURTHEST_AHEAD: Final = 6 * 3600 * 1_000_000


class Clock:
    """Microseconds since 1970, in memory that all workers share.

    While the system's clock is behind the last receipt, receipts are a microsecond apart, until it has caught up."""

    def __init__(self, last: int, workers: int, nanoseconds: Callable[[], int] = time.time_ns) -> None:
        self._nanoseconds = nanoseconds
        self._last = memoryview(mmap.mmap(-1, 8)).cast("q")
        self._last[0] = last
        # its lock is gone with whoever holds it
        self._turn = tempfile.TemporaryFile() if workers > 1 else None  # noqa: SIM115

    def receipt(self) -> int:
        if self._turn is None:
            return self._next()
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            return self._next()
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    def _next(self) -> int:
        now, last = self._nanoseconds() // 1000, self._last[0]
        if now <= last < now + FURTHEST_AHEAD:
            now = last + 1
        self._last[0] = now
        return now
