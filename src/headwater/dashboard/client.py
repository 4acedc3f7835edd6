"""Asks the read API, and asks for nothing twice: an answer that has not changed comes without its body."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import quote

import httpx

from headwater.errors import EngineUnavailable, NothingFound, QueryError

Params = Sequence[tuple[str, str]]

MOST_KEPT = 256
QUIET_SECONDS = 1.5  # after a failure what is kept has to do, so that no page waits once per figure
_TIMEOUT = httpx.Timeout(10.0, connect=2.0)


@dataclass(frozen=True)
class Kept:
    etag: str
    content: dict[str, Any]


class Api:
    """For all browsers that look at this dashboard: they share what is kept."""

    def __init__(
        self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=_TIMEOUT, trust_env=False, transport=transport
        )
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = Lock()
        self._quiet_until = 0.0

    def get(self, path: str, params: Params = (), *, only_new: bool = False) -> dict[str, Any]:
        """The answer of `/v1` + path; while there is none, the last one there was, except with `only_new`. It is
        shared: whoever gets it leaves it as it is."""
        request = self._http.build_request("GET", f"/v1{path}", params=httpx.QueryParams(list(params)))
        key = str(request.url)
        with self._lock:
            kept = self._kept.get(key)
        if kept and not only_new:
            if monotonic() < self._quiet_until:
                return kept.content
            request.headers["If-None-Match"] = kept.etag
        try:
            answer = self._http.send(request)
        except httpx.HTTPError as error:
            self._quiet_until = monotonic() + QUIET_SECONDS
            if kept and not only_new:
                return kept.content
            raise EngineUnavailable(f"headwater does not answer at {self.url}.") from error
        if answer.status_code == 304 and kept:
            return kept.content
        if answer.is_server_error and kept and not only_new:  # the warehouse is away
            return kept.content
        if answer.is_error:
            raise told(answer)
        return self._keep(key, answer)

    def rows(self, path: str, params: Params = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get(path, params)["data"]
        return rows

    def conversion(self, conversion_id: str) -> dict[str, Any]:
        return self.get(f"/conversions/{quote(conversion_id, safe='/')}")

    def close(self) -> None:
        self._http.close()

    def _keep(self, key: str, answer: httpx.Response) -> dict[str, Any]:
        try:
            content: dict[str, Any] = answer.json()
        except ValueError as error:
            raise EngineUnavailable(f"What answers at {self.url} is not headwater.") from error
        etag = answer.headers.get("ETag")
        if etag:
            with self._lock:
                self._kept[key] = Kept(etag, content)
                self._kept.move_to_end(key)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return content


def told(answer: httpx.Response) -> EngineUnavailable | QueryError | NothingFound:
    """The API's refusal as the error that it means here."""
    try:
        said: Mapping[str, Any] = answer.json()["error"]
        message = str(said["message"])
    except (ValueError, KeyError, TypeError):
        return EngineUnavailable(f"headwater answers {answer.status_code} at {answer.url.host}.")
    if answer.status_code == 404:
        return NothingFound(message)
    if answer.status_code >= 500:
        return EngineUnavailable(message)
    return QueryError(message)
