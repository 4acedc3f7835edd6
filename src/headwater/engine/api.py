"""What the engine answers on this machine: its status, queries, and the work that commands hand to it."""

import hmac
import logging
import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from litestar import Litestar, Request, Response, Router, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import JSONBody

from headwater.collect.keys import Keys
from headwater.collect.privacy import without_emails
from headwater.engine.address import SCREEN_KEY
from headwater.engine.dead_letters import Chosen
from headwater.engine.engine import Engine
from headwater.engine.metrics import exposition
from headwater.engine.trace import trace
from headwater.errors import HeadwaterError, NothingFound, TransientError, UnknownTable, UsageError
from headwater.listening import is_loopback
from headwater.serve.access import reading, working
from headwater.serve.formats import MEDIA_TYPES, arrow
from headwater.serve.routes import Source, routes

REFUSALS = {401: "SettingsError", 403: "SettingsError"}

_log = logging.getLogger("headwater.engine")


class Query(msgspec.Struct, forbid_unknown_fields=True):
    sql: str
    parameters: list[tuple[Literal["text", "number", "day", "instant"], str]] = []
    as_written: bool = False

    def bound(self) -> list[str | int | date | datetime]:
        kinds: dict[str, Callable[[str], str | int | date | datetime]] = {
            "text": str,
            "number": int,
            "day": date.fromisoformat,
            "instant": datetime.fromisoformat,
        }
        try:
            return [kinds[kind](text) for kind, text in self.parameters]
        except ValueError as error:
            raise UsageError(
                f"A parameter of the query cannot be read ({error}): send it as its kind says."
            ) from None


class Load(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str] = []  # none: what warehouse.export names
    format: str = "auto"


class Build(msgspec.Struct, forbid_unknown_fields=True):
    full_refresh: bool = False


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    event_ids: list[str]
    stream_id: str = "default"


def create_app(engine: Engine, token: str) -> Litestar:
    settings = engine.settings
    keys, is_local = Keys(settings.home, reads=True), is_loopback(settings.serve.host)
    own = [token, *filter(None, [os.environ.get(SCREEN_KEY)])]

    def may_read(secret: str) -> bool:
        is_own = any([hmac.compare_digest(secret.encode(), one.encode()) for one in own])
        return is_own or keys.find(secret) is not None

    reads = reading(is_local, may_read)
    source = Source(settings, engine.warehouse.reader, engine.status, engine.publications)

    @get("/health", sync_to_thread=False)
    def health() -> dict[str, Any]:
        return {"ok": True, "alerts": sorted(engine.vitals.alerts())}

    @get("/metrics", sync_to_thread=True, guards=[] if is_local else [reads])
    def metrics() -> Response[bytes]:
        return Response(exposition(engine.status()), media_type="text/plain; version=0.0.4; charset=utf-8")

    @get("/v1/status", sync_to_thread=True)
    def status() -> dict[str, Any]:
        return engine.status()

    @get("/v1/tables", sync_to_thread=True)
    def tables() -> dict[str, Any]:
        return {"schema": engine.warehouse.schema, "tables": engine.tables()}

    @post("/v1/query", sync_to_thread=True, status_code=200)
    def query(data: JSONBody[Query]) -> Response[bytes]:
        found = engine.query(data.sql, data.bound(), as_written=data.as_written)
        return Response(arrow(found), media_type=MEDIA_TYPES["arrow"])

    @post("/v1/load", sync_to_thread=True, status_code=200)
    def load(data: JSONBody[Load]) -> Response[bytes]:
        return as_json(engine.load([Path(path) for path in data.paths], data.format))

    @post("/v1/build", sync_to_thread=True, status_code=200)
    def build(data: JSONBody[Build]) -> Response[bytes]:
        return as_json(engine.build(full_refresh=data.full_refresh))

    @post("/v1/trace", sync_to_thread=True, status_code=200)
    def trace_events(data: JSONBody[Trace]) -> dict[str, Any]:
        return {"events": trace(engine, data.event_ids, data.stream_id)}

    @post("/v1/dead-letters/replay", sync_to_thread=True, status_code=200)
    def replay_letters(data: JSONBody[Chosen]) -> Response[bytes]:
        return as_json(engine.replay(data))

    @post("/v1/dead-letters/drop", sync_to_thread=True, status_code=200)
    def drop_letters(data: JSONBody[Chosen]) -> dict[str, Any]:
        return {"dropped": engine.drop(data)}

    works = [status, tables, query, load, build, trace_events, replay_letters, drop_letters]
    return Litestar(
        [health, metrics, Router("/", route_handlers=works, guards=[working(token)]), routes(source, reads)],
        exception_handlers={HeadwaterError: told, HTTPException: not_here, Exception: unforeseen},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=2**20,
    )


def as_json(report: Any) -> Response[bytes]:
    return Response(msgspec.json.encode(report, enc_hook=str), media_type="application/json")


def told(_: Request[Any, Any, Any], error: HeadwaterError) -> Response[dict[str, Any]]:
    said: dict[str, Any] = {"type": type(error).__name__, "message": without_emails(str(error))}
    if isinstance(error, UnknownTable):
        said["name"] = error.name
    status = 503 if isinstance(error, TransientError) else 400 if isinstance(error, UsageError) else 422
    status = 404 if isinstance(error, NothingFound) else status
    return Response({"error": said}, status_code=status)


def not_here(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """What has gone wrong before any of ours was asked."""
    message = error.detail
    if isinstance(error, NotFoundException):
        message = "There is nothing at this path: /v1/openapi.json names all there is."
    said = {"type": REFUSALS.get(error.status_code, "UsageError"), "message": message}
    return Response({"error": said}, status_code=error.status_code, headers=error.headers)


def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """A mistake of ours: the log says where."""
    _log.error("%s failed unforeseen.", request.url.path, exc_info=error)
    said = {"type": "HeadwaterError", "message": "Something unforeseen happened: the engine's log says what."}
    return Response({"error": said}, status_code=500)
