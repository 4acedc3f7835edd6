"""Asks, keeps and tells: the read API as routes of an application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from threading import local
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent, ServerSentEventMessage

from headwater.errors import NothingFound, TerminalError, TransientError
from headwater.serve import formats, openapi, parameters
from headwater.serve.access import Guard
from headwater.serve.answers import Answer, Answers
from headwater.serve.endpoints import ENDPOINTS, Endpoint, Found, Question
from headwater.serve.notices import Publications
from headwater.serve.questions.meta import Reach, newest_build, reach
from headwater.settings import Settings
from headwater.warehouse.protocol import Warehouse

THREADS = 2  # that ask the warehouse: more would only take turns with the tick
LIVE_SECONDS = 0.5  # for which an answer that is always new is kept


@dataclass
class Source:
    """Where answers come from."""

    settings: Settings
    reader: Callable[[], Warehouse]
    status: Callable[[], dict[str, Any]]
    publications: Publications
    _own: local = field(default_factory=local)
    _known: Reach = field(default_factory=Reach)

    def today(self) -> date:
        return datetime.now(ZoneInfo(self.settings.timezone)).date()

    def answer(
        self, one: Endpoint, named: str, given: dict[str, Any], today: date, as_format: formats.Format
    ) -> Answer:
        """On a connection of this thread, and all of it from one state of the tables."""
        try:
            found = self._found(one, named, given, today)
        except TransientError:
            if not one.away:
                raise
            found = Found(one.away(self.status(), self._known))
        if not one.is_table:
            return Answer(formats.told(found.content), formats.MEDIA_TYPES["json"], found.build_id)
        body = formats.encoded(found.content, as_format, found.envelope)
        return Answer(body, formats.MEDIA_TYPES[as_format], found.build_id, found.cursor)

    def _found(self, one: Endpoint, named: str, given: dict[str, Any], today: date) -> Found:
        try:
            reader = self._reader()
            with reader.snapshot():
                known = self._reach(reader)
                if not known.build_id and not one.is_live and one.path != "/meta":
                    raise NothingFound(
                        "Nothing is computed yet: send or load some events (`headwater stream`, `headwater load PATH`)."
                    )
                question = Question(reader, self.settings, known, today, given, named, self.status)
                return replace(one.find(question), build_id=known.build_id)
        except TerminalError:
            raise
        except BaseException:
            self._let_go()
            raise

    def _reader(self) -> Warehouse:
        if getattr(self._own, "reader", None) is None:
            self._own.reader = self.reader()
        reader: Warehouse = self._own.reader
        return reader

    def _reach(self, reader: Warehouse) -> Reach:
        """Looked up once for each build."""
        build_id = newest_build(reader)
        if build_id != self._known.build_id:
            self._known = reach(reader)
        return self._known

    def _let_go(self) -> None:
        """Of a connection that may be gone."""
        reader: Warehouse | None = getattr(self._own, "reader", None)
        self._own.reader = None
        if reader:
            reader.close()


def routes(source: Source, guard: Guard) -> Router:
    answers = Answers(ThreadPoolExecutor(THREADS, thread_name_prefix="answers"))
    document = msgspec.json.encode(openapi.document())

    @get("/openapi.json")
    async def schema() -> Response[bytes]:
        return Response(document, media_type="application/json")

    @get("/notifications")
    async def notifications() -> ServerSentEvent:
        return ServerSentEvent(_told(source.publications))

    handlers = [_handler(one, source, answers) for one in ENDPOINTS]
    return Router("/v1", route_handlers=[schema, notifications, *handlers], guards=[guard])


def _handler(one: Endpoint, source: Source, answers: Answers) -> HTTPRouteHandler:
    path = one.path + ("/{named:path}" if one.named else "")

    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        named = request.path_params.get("named", "").removeprefix("/")
        pairs = request.query_params.multi_items()
        given = parameters.read(one.takes, pairs)
        as_format = formats.wanted(given.pop("format", None), request.headers.get("accept", ""))
        today = source.today()
        key = (path, named, tuple(given.items()), as_format if one.is_table else "json", today)
        version = int(monotonic() / LIVE_SECONDS) if one.is_live else source.publications.number
        make = partial(source.answer, one, named, given, today, as_format)
        kept = await answers.get(key, version, make)
        headers = {
            "ETag": kept.etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept",
            "X-Headwater-Build": str(kept.answer.build_id),
        }
        if kept.answer.next_cursor:
            headers["X-Next-Cursor"] = kept.answer.next_cursor
        known = [
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        ]
        if kept.etag in known or "*" in known:
            return Response(b"", status_code=304, headers=headers, media_type=kept.answer.media_type)
        return Response(kept.answer.body, headers=headers, media_type=kept.answer.media_type)

    return get(path, name=f"{one.path}{one.named}")(answer)


async def _told(publications: Publications) -> AsyncIterator[ServerSentEventMessage]:
    async for number in publications.follow():
        if number is None:
            yield ServerSentEventMessage(comment="still here")
        else:
            data = (
                formats.told({"build_id": publications.build_id, "published_at": publications.at})
                .decode()
                .strip()
            )
            yield ServerSentEventMessage(event="published", id=str(number), data=data)
        await asyncio.sleep(0)
