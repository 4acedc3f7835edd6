"""Tries again for as long as it takes, ever less often, and says so meanwhile: also what nobody has foreseen."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity import sleep_using_event as sleeping

from headwater.collect.privacy import without_emails
from headwater.engine.vitals import Vitals
from headwater.errors import BuildError, HeadwaterError, QueryError

T = TypeVar("T")

# Seconds. Each pause is drawn from all up to the limit that has been reached by then, so that engines which have lost
# one server together do not come back together.
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0

_log = logging.getLogger(__name__)


def unforeseen(error: BaseException) -> BaseException | None:
    """The error, where the log is to say where it happened."""
    return None if isinstance(error, HeadwaterError) else error


def in_words(error: BaseException | None) -> str:
    """One of ours says itself what it is. What has gone wrong over data may quote it."""
    if not isinstance(error, HeadwaterError):
        return without_emails(f"unforeseen {type(error).__name__}: {error}.")
    return without_emails(str(error)) if isinstance(error, QueryError | BuildError) else str(error)


def patiently(name: str, work: Callable[[], T], vitals: Vitals, stop: Event) -> T:
    """What `work` returns once it succeeds; when told to stop, the error of the last attempt."""

    def tell(attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        if attempt.attempt_number == 1 and error:
            _log.warning(
                "%s: %s It is tried again until it succeeds.",
                name,
                in_words(error),
                exc_info=unforeseen(error),
            )
        vitals.raise_alert(name, in_words(error))

    retrying = Retrying(
        retry=retry_if_exception_type(Exception),
        wait=wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
        sleep=sleeping(stop),
        stop=stop_when_event_set(stop),
        before_sleep=tell,
        reraise=True,
    )
    result = retrying(work)
    vitals.clear_alert(name)
    return result
