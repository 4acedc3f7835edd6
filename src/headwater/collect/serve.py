"""Runs the doors: workers behind one socket, each started anew when it dies, drained at SIGTERM."""

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from typing import TYPE_CHECKING

from headwater.collect.keys import Keys
from headwater.collect.workers import supervise
from headwater.errors import SettingsError
from headwater.journal import FILE_NAME
from headwater.listening import is_loopback, listen
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.collect.clock import Clock
    from headwater.collect.limits import Rates


_ANSWER_SECONDS = 5  # for what is under way; with the writer's, within the 10 that a stop may take
_WRITER_SECONDS = 4.0
_GARBAGE = 10_000  # objects in cycles, or alive, between two collections

# How long the writer's thread may wait for the doors' one between two steps of a commit. The doors' own looks for what
# has arrived far more often and lets it in then; to be pushed aside before costs both more than the wait.
_SWITCH_SECONDS = 0.002

_log = logging.getLogger("headwater.collect")


def serve(settings: Settings) -> None:
    """Returns after SIGTERM or SIGINT, when all that was taken is on disk."""
    _start_log()
    _check_keys(settings)
    listening = listen(settings.collect.host, settings.collect.port, "collect.port")
    url = f"http://{settings.collect.host}:{settings.collect.port}"
    if settings.collect.workers == 1:
        _log.info("Collecting at %s; Ctrl-C stops.", url)
        _work(settings, listening, _rates(settings), _clock(settings))
    else:
        with tempfile.TemporaryDirectory(prefix="headwater-meters-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before prometheus_client is imported
            _log.info("Collecting at %s with %d workers; Ctrl-C stops.", url, settings.collect.workers)
            rates, clock = _rates(settings), _clock(settings)
            supervise(settings.collect.workers, lambda: _work(settings, listening, rates, clock))
    _log.info(
        "Stopped; all that was taken is %s.", "with the broker" if settings.collect.journal_url else "on disk"
    )


def _start_log() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _check_keys(settings: Settings) -> None:
    if not Keys(settings.home).all and not is_loopback(settings.collect.host):
        raise SettingsError(
            f"There are no keys yet, and {settings.collect.host} can be reached from other machines: "
            "make one with `headwater keys add`, or set collect.host to 127.0.0.1."
        )


def _rates(settings: Settings) -> "Rates":
    from headwater.collect.limits import Rates

    return Rates(settings.collect.rate_limit, settings.collect.workers)


def _clock(settings: Settings) -> "Clock":
    """It goes on from where the local journal ends; a broker's ends are those of other doors as well."""
    from headwater.collect.clock import Clock

    if settings.collect.journal_url:
        return Clock(0, settings.collect.workers)
    from headwater.journal.journal import Journal

    journal = Journal(settings.home / FILE_NAME)
    try:
        last = journal.last_received_at()
    finally:
        journal.close()
    return Clock(last or 0, settings.collect.workers)


def _work(settings: Settings, listening: socket.socket, rates: "Rates", clock: "Clock") -> None:
    """One worker, until it is told to stop."""
    import uvicorn

    from headwater.collect.app import create_app
    from headwater.collect.door import Door
    from headwater.collect.meters import Meters
    from headwater.collect.same_event import same_event
    from headwater.fan_in import open_keeper
    from headwater.http_server import configured

    sys.setswitchinterval(_SWITCH_SECONDS)
    journal = None if settings.collect.journal_url else settings.home / FILE_NAME
    writer = open_keeper(settings, same_event)
    door = Door(settings, writer, Keys(settings.home), rates, clock, Meters())
    config = configured(create_app(door, journal), stop_seconds=_ANSWER_SECONDS)
    # What is made by now stays: no collection need look at it, and what a request leaves is gone without one.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it has stopped; that is to end nothing.
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        writer.close(_WRITER_SECONDS)
