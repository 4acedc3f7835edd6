"""What all doors share: who may come in, from which page, how an answer is found, and what is counted."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from urllib.parse import parse_qsl

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import HTTPScope, Receive, Scope, Send

from headwater.collect import answers, limits
from headwater.collect.answers import Refused
from headwater.collect.canon import MICROSECONDS, Receipt
from headwater.collect.clock import Clock
from headwater.collect.keys import Key, Keys
from headwater.collect.meters import Meters
from headwater.collect.privacy import UNKNOWN_DEVICE, Device, device
from headwater.errors import TransientError
from headwater.fan_in import Keeper
from headwater.journal.arrival import Arrival, Outcome
from headwater.listening import is_loopback
from headwater.settings import Settings

_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "authorization, content-encoding, content-type, x-api-key",
    "access-control-max-age": "86400",
}
_TAKEN = frozenset((Outcome.ACCEPTED, Outcome.DUPLICATE))


@dataclass(slots=True)
class Visit:
    """One request on its way through a door."""

    raw_query: bytes
    query: dict[str, str]
    headers: dict[bytes, bytes]
    answer_headers: dict[str, str]
    receive: Receive
    client: str  # never kept

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


Take = Callable[[Visit], Awaitable[ASGIResponse]]


class Door:
    def __init__(
        self,
        settings: Settings,
        writer: Keeper,
        keys: Keys,
        rates: limits.Rates,
        clock: Clock,
        meters: Meters,
    ) -> None:
        collect = settings.collect
        self.writer = writer
        self.meters = meters
        self._keys = keys
        self._rates = rates
        self._clock = clock
        self._is_local = is_loopback(collect.host)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in collect.allowed_origins)
        self._any_origin = self._is_local and not self._origins
        self._max_body = collect.max_body_mb * 1024**2
        self._max_age = settings.stream.max_event_age_hours * 3600 * MICROSECONDS
        self._redacts_emails = collect.redact_emails

    def route(self, path: str, name: str, methods: tuple[str, ...], take: Take) -> ASGIRouteHandler:
        """A door at a path; it is asked for by methods, by OPTIONS as well where pages of others may send."""

        @asgi(path, copy_scope=False)
        async def entered(scope: Scope, receive: Receive, send: Send) -> None:
            response = await self._answer(cast("HTTPScope", scope), receive, methods, take)
            self.meters.answered(name, response.status_code)
            await response(scope, receive, send)

        return entered

    async def _answer(
        self, scope: HTTPScope, receive: Receive, methods: tuple[str, ...], take: Take
    ) -> ASGIResponse:
        raw_query = scope["query_string"]
        client = scope["client"]
        visit = Visit(
            raw_query,
            _remembered(raw_query),
            dict(scope["headers"]),
            {},
            receive,
            client[0] if client else "",
        )
        try:
            self._check_origin(visit)
            if scope["method"] == "OPTIONS":
                return answers.nothing({**visit.answer_headers, **_PREFLIGHT})
            if scope["method"] not in methods:
                visit.answer_headers["allow"] = ", ".join((*methods, "OPTIONS"))
                raise Refused("method_not_allowed", f"This is asked for by {' or '.join(methods)}.")
            return await take(visit)
        except Refused as refused:
            return answers.refusal(refused, visit.answer_headers)
        except TransientError as error:
            return answers.refusal(answers.problem_of(error), visit.answer_headers)

    def admit(self, secret: str | None, stream: str | None) -> Key | None:
        """The key of that secret, if it may write to the stream; None where no key is needed."""
        if not self._keys.all and self._is_local:
            self._rates.take("")
            return None
        key = self._keys.find(secret) if secret else None
        if key is None:
            raise Refused(
                "unknown_key", "This needs a key that is known here: `headwater keys add` makes one."
            )
        if stream is not None:
            self.check_stream(key, stream)
        self._rates.take(key.sha256)
        return key

    def check_stream(self, key: Key | None, stream: str) -> None:
        if key is not None and not key.is_for(stream):
            raise Refused(
                "stream_not_allowed",
                f"The key is for the stream {key.stream!r} alone: send to that stream, or make a key with --stream.",
            )

    def admit_tag(self, stream: str) -> None:
        """A page can keep no secret: it may send to the streams that there are keys for."""
        keys = self._keys.all
        if not any(key.is_for(stream) for key in keys) and (keys or not self._is_local):
            raise Refused(
                "stream_not_allowed",
                "No key is for the stream of this tag: make one with `headwater keys add --stream ID`.",
            )
        self._rates.take(f"tag {stream}")

    def admit_metrics(self, visit: Visit) -> None:
        if not is_loopback(visit.client):
            self.admit(secret_in_headers(visit), None)

    async def body(self, visit: Visit) -> bytes:
        return await limits.body_of(visit.receive, visit.headers, self._max_body)

    def receipt(self, visit: Visit, origin: str, user_agent: str | None = None) -> Receipt:
        """Only a browser's header tells of the visitor; a server's own, which begins otherwise, does not."""
        if user_agent is None:
            header = visit.header(b"user-agent") or ""
            user_agent = header if header.startswith("Mozilla/") else None
        seen: Device = device(user_agent) if user_agent else UNKNOWN_DEVICE
        return Receipt(origin, self._clock.receipt(), self._max_age, self._redacts_emails, seen)

    async def keep(self, arrivals: Sequence[Arrival], receipt: Receipt) -> list[Outcome]:
        """Returns when all are on disk, or acknowledged by the broker that stands in for it."""
        if not arrivals:
            return []
        outcomes = await self.writer.submit_async(arrivals)
        self.meters.kept(outcomes, max(time.time_ns() / 1000 - receipt.received_at, 0) / MICROSECONDS)
        return outcomes

    def _check_origin(self, visit: Visit) -> None:
        origin = visit.header(b"origin")
        if origin is None:
            return
        if not self._any_origin and origin.lower() not in self._origins:
            raise Refused(
                "origin_not_allowed",
                "Pages of this origin may not send: name the origin in collect.allowed_origins of headwater.toml.",
            )
        visit.answer_headers |= {
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "vary": "origin",
        }


def all_taken(outcomes: Sequence[Outcome]) -> bool:
    return _TAKEN.issuperset(outcomes)


def secret_in_headers(visit: Visit) -> str | None:
    authorization = visit.header(b"authorization") or ""
    kind, _, secret = authorization.partition(" ")
    return secret.strip() if kind.lower() == "bearer" else visit.header(b"x-api-key")


def parameters(query: bytes) -> dict[str, str]:
    """A query's parameters in plain text; the last of one name counts."""
    text = query.decode(errors="backslashreplace")
    return dict(parse_qsl(text, keep_blank_values=True, errors="backslashreplace"))


_remembered = lru_cache(maxsize=512)(parameters)  # a server sends the same query each time
