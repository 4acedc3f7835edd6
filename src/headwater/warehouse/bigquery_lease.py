"""That one engine, or one build, works on a dataset: a row that names its holder, until it expires.

BigQuery knows no locks. Whoever changes the row from somebody else's to his own has the lease; a thread renews it. A
holder that dies leaves it to expire, and one that is started again in the same home need not wait for that: its name is
the home's, and a lock on a file there says that no other process has it."""

import fcntl
import hashlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import IO

from headwater.errors import HeadwaterError, TransientError, WarehouseLocked

LASTS = 300.0  # seconds; a renewal is a statement of 10 MB, the least that is billed
RENEWED_EVERY = LASTS / 3


class Lease:
    def __init__(self, run: Callable[[str], int], table: str, home: Path, taken: str) -> None:
        """`run` runs a statement and says how many rows it has changed; `taken` is what a second one is told."""
        self._run = run
        self._table = table
        self._taken = taken
        self._file_path = home / f"{table}.lock"
        place = f"{socket.gethostname()} {self._file_path.absolute()}"
        self._holder = hashlib.sha256(place.encode()).hexdigest()[:32]
        self._file: IO[str] | None = None
        self._held_until = 0.0  # by this process's clock, from before the statement was sent
        self._stop = Event()

    def hold(self) -> None:
        """Sees that it is still held; the call after one that failed takes it anew, unless another has it by then."""
        if self._file is None:
            self._take()
        elif time.monotonic() > self._held_until:
            self.let_go()
            raise WarehouseLocked(
                f"The lease of {self._table} could not be renewed in time: it is taken anew."
            )

    def _take(self) -> None:
        self._file = self._locked()
        try:
            self._renew()
        except HeadwaterError:
            self.let_go()
            raise
        self._stop = Event()
        Thread(target=self._renew_forever, args=(self._stop,), name=self._table, daemon=True).start()

    def _locked(self) -> IO[str]:
        self._file_path.parent.mkdir(parents=True, exist_ok=True)
        file = self._file_path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise WarehouseLocked(self._taken) from None
        return file

    def _renew(self) -> None:
        sent = time.monotonic()
        changed = self._run(
            f"update {self._table} set holder = '{self._holder}', "
            f"expires_at = timestamp_add(current_timestamp(), interval {int(LASTS)} second) "
            f"where holder = '{self._holder}' or expires_at < current_timestamp()"
        )
        if not changed:
            self._held_until = 0.0
            raise WarehouseLocked(self._taken)
        self._held_until = sent + LASTS

    def _renew_forever(self, stop: Event) -> None:
        pause = RENEWED_EVERY
        while not stop.wait(pause):
            try:
                self._renew()
                pause = RENEWED_EVERY
            except TransientError:  # it is held for a while yet; `hold` sees when that is over
                pause = RENEWED_EVERY / 10
            except HeadwaterError:
                self._held_until = 0.0

    def let_go(self) -> None:
        """Expires at once, so that the next one need not wait."""
        self._stop.set()
        held, self._held_until = self._held_until, 0.0
        if self._file is None:
            return
        try:
            if held > time.monotonic():
                self._run(
                    f"update {self._table} set expires_at = timestamp '1970-01-01' where holder = '{self._holder}'"
                )
        except HeadwaterError:  # then it expires by itself
            pass
        finally:
            self._file.close()
            self._file = None
