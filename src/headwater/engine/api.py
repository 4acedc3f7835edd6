"""What the engine answers on this machine: its status, queries, and the work that commands hand to it."""

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from headwater.engine.dead_letters import Chosen
from headwater.engine.engine import Engine
from headwater.engine.metrics import exposition
from headwater.engine.trace import trace
from headwater.errors import HeadwaterError, TransientError, UnknownTable, UsageError

ARROW = "application/vnd.apache.arrow.stream"


class Query(msgspec.Struct, forbid_unknown_fields=True):
    sql: str


class Load(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str]
    format: str = "auto"


class Build(msgspec.Struct, forbid_unknown_fields=True):
    full_refresh: bool = False


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    event_ids: list[str]
    stream_id: str = "default"


def create_app(engine: Engine, token: str) -> Litestar:
    @get("/health", sync_to_thread=False, opt={"open": True})
    def health() -> dict[str, Any]:
        return {"ok": True, "alerts": sorted(engine.vitals.alerts())}

    @get("/metrics", sync_to_thread=True, opt={"open": True})
    def metrics() -> Response[bytes]:
        return Response(exposition(engine.status()), media_type="text/plain; version=0.0.4; charset=utf-8")

    @get("/v1/status", sync_to_thread=True)
    def status() -> dict[str, Any]:
        return engine.status()

    @get("/v1/tables", sync_to_thread=True)
    def tables() -> dict[str, Any]:
        return {"schema": engine.warehouse.schema, "tables": engine.tables()}

    @post("/v1/query", sync_to_thread=True, status_code=200)
    def query(data: Query) -> Response[bytes]:
        return Response(arrow(engine.query(data.sql)), media_type=ARROW)

    @post("/v1/load", sync_to_thread=True, status_code=200)
    def load(data: Load) -> Response[bytes]:
        return as_json(engine.load([Path(path) for path in data.paths], data.format))

    @post("/v1/build", sync_to_thread=True, status_code=200)
    def build(data: Build) -> Response[bytes]:
        return as_json(engine.build(full_refresh=data.full_refresh))

    @post("/v1/trace", sync_to_thread=True, status_code=200)
    def trace_events(data: Trace) -> dict[str, Any]:
        return {"events": trace(engine, data.event_ids, data.stream_id)}

    @post("/v1/dead-letters/replay", sync_to_thread=True, status_code=200)
    def replay_letters(data: Chosen) -> Response[bytes]:
        return as_json(engine.replay(data))

    @post("/v1/dead-letters/drop", sync_to_thread=True, status_code=200)
    def drop_letters(data: Chosen) -> dict[str, Any]:
        return {"dropped": engine.drop(data)}

    return Litestar(
        [health, metrics, status, tables, query, load, build, trace_events, replay_letters, drop_letters],
        guards=[guard(token)],
        exception_handlers={HeadwaterError: told, NotAuthorizedException: unauthorized},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=2**20,
    )


def guard(token: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Whoever can read the home has the token; a web page that this machine's browser shows has not."""
    wanted = f"Bearer {token}".encode()

    def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        given = connection.headers.get("authorization", "").encode()
        if not handler.opt.get("open") and not hmac.compare_digest(given, wanted):
            raise NotAuthorizedException

    return check


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def as_json(report: Any) -> Response[bytes]:
    return Response(msgspec.json.encode(report, enc_hook=str), media_type="application/json")


def told(_: Request[Any, Any, Any], error: HeadwaterError) -> Response[dict[str, Any]]:
    said: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, UnknownTable):
        said["name"] = error.name
    status = 503 if isinstance(error, TransientError) else 400 if isinstance(error, UsageError) else 422
    return Response({"error": said}, status_code=status)


def unauthorized(_: Request[Any, Any, Any], __: Exception) -> Response[dict[str, Any]]:
    said = {
        "type": "SettingsError",
        "message": "The engine wants the token that lies in engine.json of its home.",
    }
    return Response({"error": said}, status_code=401)
