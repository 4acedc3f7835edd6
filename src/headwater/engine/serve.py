"""Runs the engine until it is told to stop."""

import logging
import os
import signal
import sys
import threading
import time

from headwater.engine.address import published, refuse_a_second, url_of
from headwater.errors import SettingsError, TransientError
from headwater.listening import is_loopback, listen
from headwater.settings import Settings

STOPPING = (signal.SIGTERM, signal.SIGINT)
LEAVE_SECONDS = 0.3

_log = logging.getLogger("headwater.engine")


def serve(settings: Settings) -> None:
    """Returns after SIGTERM or SIGINT, when what was under way is done."""
    # dbt makes semaphores, and what is left unfinished at the end leaves them to the system: nothing to be told of
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    _start_log()
    for number in STOPPING:
        signal.signal(number, _stop)
    settings.home.mkdir(parents=True, exist_ok=True)
    refuse_a_second(settings.home)
    _check_keys(settings)
    listening = listen(settings.serve.host, settings.serve.port, "serve.port")
    from headwater.engine.answer import answer, server_of
    from headwater.engine.engine import running

    try:
        with (
            running(settings, _told.is_set) as engine,
            published(settings.home, url_of(settings)) as address,
        ):
            server = server_of(engine, address.token)
            engine.start()
            _log.info("The engine answers at %s; Ctrl-C stops.", address.url)
            answer(listening, server, _told)
    except TransientError:
        if not _told.is_set():  # or else it has been waiting for what does not answer
            raise
    _log.info("The engine has stopped.")
    _leave_unfinished()


_told = threading.Event()


def _stop(*_: object) -> None:
    """Raises nothing: in the middle of an import that would leave Python's own locks behind."""
    _told.set()


def _leave_unfinished() -> None:
    """A query may run for hours, and a full build for minutes: they do not hold up the end of the process."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    until = time.monotonic() + LEAVE_SECONDS
    for thread in others:
        thread.join(max(until - time.monotonic(), 0))
    if any(thread.is_alive() for thread in others):
        logging.shutdown()
        os._exit(0)


def _start_log() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "asyncio", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _check_keys(settings: Settings) -> None:
    from headwater.collect.keys import Keys

    if not is_loopback(settings.serve.host) and not Keys(settings.home, reads=True).all:
        raise SettingsError(
            f"There are no keys to read with yet, and {settings.serve.host} can be reached from other machines: "
            "make one with `headwater keys add --read`, or set serve.host to 127.0.0.1."
        )
