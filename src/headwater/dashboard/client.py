"""Asks the read API, and asks for nothing twice: an answer that has not changed comes without its body."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import quote

import httpx

from headwater.errors import EngineUnavailable, NothingFound, QueryError

Params = Sequence[tuple[str, str]]

MOST_KEPT = 256
PAGE_ROWS = 20_000  # of a question that wants all the rows there are
QUIET_SECONDS = 1.5  # after a failure what is kept has to do, so that no page waits once per figure
_CURSOR = "X-Next-Cursor"
_TIMEOUT = httpx.Timeout(10.0, connect=2.0)


@dataclass(frozen=True)
class Kept:
    """`cursor` is where the rows go on."""

    etag: str
    content: dict[str, Any]
    cursor: str | None = None


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
        return self._answer(path, params, only_new=only_new).content

    def _answer(self, path: str, params: Params, *, only_new: bool = False) -> Kept:
        request = self._request(path, params)
        key = str(request.url)
        with self._lock:
            kept = self._kept.get(key)
        if kept and not only_new:
            if monotonic() < self._quiet_until:
                return kept
            request.headers["If-None-Match"] = kept.etag
        try:
            answer = self._http.send(request)
        except httpx.HTTPError as error:
            self._quiet_until = monotonic() + QUIET_SECONDS
            if kept and not only_new:
                return kept
            raise EngineUnavailable(f"headwater does not answer at {self.url}.") from error
        if answer.status_code == 304 and kept:
            return replace(kept, cursor=answer.headers.get(_CURSOR))
        if answer.is_server_error and kept and not only_new:  # the warehouse is away
            return kept
        if answer.is_error:
            raise told(answer)
        return self._keep(key, answer)

    def last_known(self, path: str) -> dict[str, Any] | None:
        """Without asking anybody."""
        with self._lock:
            kept = self._kept.get(str(self._request(path, ()).url))
        return kept.content if kept else None

    def rows(self, path: str, params: Params = ()) -> list[dict[str, Any]]:
        """The first page of them, which is all there are where the question has a `limit` or one row per channel."""
        rows: list[dict[str, Any]] = self.get(path, params)["data"]
        return rows

    def all_rows(self, path: str, params: Params = ()) -> list[dict[str, Any]]:
        """Page after page, to the last."""
        rows: list[dict[str, Any]] = []
        cursor: list[tuple[str, str]] = []
        while True:
            page = self._answer(path, [*params, ("limit", str(PAGE_ROWS)), *cursor])
            rows += page.content["data"]
            if page.cursor is None:
                return rows
            cursor = [("cursor", page.cursor)]

    def conversion(self, conversion_id: str) -> dict[str, Any]:
        return self.get(f"/conversions/{quote(conversion_id, safe='/')}")

    def _request(self, path: str, params: Params) -> httpx.Request:
        return self._http.build_request("GET", f"/v1{path}", params=httpx.QueryParams(list(params)))

    def close(self) -> None:
        self._http.close()

    def _keep(self, key: str, answer: httpx.Response) -> Kept:
        try:
            content: dict[str, Any] = answer.json()
        except ValueError as error:
            raise EngineUnavailable(f"What answers at {self.url} is not headwater.") from error
        found = Kept(answer.headers.get("ETag", ""), content, answer.headers.get(_CURSOR))
        if found.etag:
            with self._lock:
                self._kept[key] = found
                self._kept.move_to_end(key)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


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
