"""Several processes that do the same work."""

import logging
import os
import signal
import time
from collections.abc import Callable

from headwater.errors import HeadwaterError, SettingsError
from headwater.lifeline import end_with

_SHORT_LIFE = 1.0
_MOST_SHORT_LIVES = 5
_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)

_log = logging.getLogger(__name__)


def supervise(count: int, work: Callable[[], None]) -> None:
    """Returns when SIGTERM or SIGINT has ended all of them; a worker that dies before is started anew."""
    alive, at_end = os.pipe()
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)

    started = {_forked(work, alive, at_end): time.monotonic() for _ in range(count)}
    stops = False
    short_lives = 0
    while started:
        number = signal.sigwait(_WATCHED)
        if number != signal.SIGCHLD:
            stops = True
            for process in started:
                os.kill(process, signal.SIGTERM)
        for process, code in _ended():
            life = time.monotonic() - started.pop(process)
            _forget(process)
            if stops:
                continue
            short_lives = short_lives + 1 if life < _SHORT_LIFE else 0
            if short_lives > _MOST_SHORT_LIVES:
                stops = True
                for other in started:
                    os.kill(other, signal.SIGTERM)
                continue
            _log.warning("Worker %d ended (%d), and another is started.", process, code)
            started[_forked(work, alive, at_end)] = time.monotonic()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    if short_lives > _MOST_SHORT_LIVES:
        raise SettingsError("The workers end as soon as they start: see the lines above, and start it again.")


def _forked(work: Callable[[], None], alive: int, at_end: int) -> int:
    """Does the work in a process of its own, which ends with this one."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.close(at_end)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        end_with(alive)
        work()
        code = 0
    except HeadwaterError as error:
        _log.error("%s", error)
    except BaseException as error:
        _log.error("A worker failed unforeseen: %s", type(error).__name__)
    finally:
        logging.shutdown()
        os._exit(code)


def _ended() -> list[tuple[int, int]]:
    ended: list[tuple[int, int]] = []
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not process:
            return ended
        ended.append((process, os.waitstatus_to_exitcode(status)))


def _forget(process: int) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)  # type: ignore[no-untyped-call]
