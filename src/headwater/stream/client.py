"""Sends requests to a door, one after the other, and waits where the door asks to."""

import math
import time
from collections.abc import Callable

import httpx

from headwater.errors import TransientError
from headwater.settings import Settings
from headwater.stream.answers import Verdict, problem_of, verdicts_of
from headwater.stream.doors import Request

_AGAIN = (429, 503, 507)
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def url_of(settings: Settings) -> str:
    """Where the door of this home is reached; one that listens everywhere is here, too."""
    host = _ANYWHERE.get(settings.collect.host, settings.collect.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.collect.port}"


class Sender:
    """`patience` is for how many seconds it waits at a door that asks to come back later."""

    def __init__(self, url: str, tell: Callable[[str], None], patience: float = math.inf) -> None:
        self.url = url
        self._tell = tell
        self._patience = patience
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False)

    def send(self, request: Request) -> list[Verdict]:
        until = time.monotonic() + self._patience
        told = ""
        while True:
            answer = self._post(request)
            if answer.status_code not in _AGAIN:
                return verdicts_of(answer, request.count)
            problem = problem_of(answer)
            why = f"{problem.type}: {problem.message}" if problem else f"status {answer.status_code}"
            pause = seconds_of(answer.headers.get("retry-after", ""))
            if time.monotonic() + pause > until:
                raise TransientError(f"The door does not take the events now ({why})")
            if why != told:
                self._tell(f"The door asks to wait ({why}) Trying again every {pause:g} s.")
            told = why
            time.sleep(pause)

    def _post(self, request: Request) -> httpx.Response:
        try:
            return self._http.post(
                request.path,
                params=dict(request.query),
                content=request.content,
                headers=dict(request.headers),
            )
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error

    def close(self) -> None:
        self._http.close()


def unreachable(url: str, error: httpx.HTTPError) -> TransientError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TransientError(f"Nothing answers at {url}: start it with `headwater up`.")
    return TransientError(
        f"The door at {url} has broken off ({error or type(error).__name__}): "
        "look at `headwater status`, and send again."
    )


def seconds_of(retry_after: str) -> float:
    number = retry_after.strip()
    return min(max(float(number), 0.1), 60.0) if number.replace(".", "", 1).isdecimal() else 1.0
