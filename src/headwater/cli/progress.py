"""A progress bar on stderr, for people only, and only for what takes longer than a second."""

import sys
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 1.0  # seconds


class Progress:
    """Called with what is being done, and how much of how much where that is known."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done, self._total = 0.0, 0.0
        self._bar: Bar | None = None
        self._lock = Lock()
        # A step may be silent for long, so it is a clock that shows the bar and not the next call.
        self._timer = Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def __call__(self, what: str, done: float = 0, total: float = 0) -> None:
        with self._lock:
            self._what, self._done, self._total = what, done, total
            self._update()

    def share(self, done: float) -> None:
        """How much is done, from 0 to 1, of what it was from the start."""
        self(self._what, done, 1)

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with self._lock:
            if self._timer.finished.is_set():  # the work was done while this waited
                return
            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.add_task(self._what, total=None)
            self._update()
            self._bar.start()

    def _update(self) -> None:
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0],
                description=self._what,
                completed=self._done,
                total=self._total or None,
            )
