"""How the door is: /health, /metrics and /schema/openapi.json."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers
from headwater.collect.door import Door, Visit
from headwater.collect.loopback import is_loopback
from headwater.collect.meters import CONTENT_TYPE
from headwater.collect.openapi import document


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Only whoever asks from this machine is told of the journal."""

    ok: bool
    journal_bytes: int | None = None
    queue_bytes: int | None = None


def routes(door: Door, journal: Path) -> list[HTTPRouteHandler]:
    openapi = msgspec.json.encode(document())

    @get("/health")
    async def health(request: Request[Any, Any, Any]) -> ASGIResponse:
        async def take(visit: Visit) -> ASGIResponse:
            told = Health(True)
            if is_loopback(_client(request)):
                told = Health(True, _size(journal), door.writer.queued_bytes())
            return answers.answer(200, told, visit.answer_headers)

        return await door.answer(request, "health", take)

    @get("/metrics")
    async def metrics(request: Request[Any, Any, Any]) -> ASGIResponse:
        async def take(visit: Visit) -> ASGIResponse:
            door.admit_metrics(visit, _client(request))
            text = door.meters.text(door.writer.queued_bytes())
            return ASGIResponse(body=text, headers={**visit.answer_headers, "content-type": CONTENT_TYPE})

        return await door.answer(request, "metrics", take)

    @get("/schema/openapi.json")
    async def schema(request: Request[Any, Any, Any]) -> ASGIResponse:
        async def take(visit: Visit) -> ASGIResponse:
            return ASGIResponse(body=openapi, headers=visit.answer_headers, media_type="application/json")

        return await door.answer(request, "schema", take)

    return [health, metrics, schema]


def _client(request: Request[Any, Any, Any]) -> str:
    client = request.scope["client"]
    return client[0] if client else ""


def _size(journal: Path) -> int:
    """The journal with its log, as files."""
    return sum(path.stat().st_size for path in (journal, Path(f"{journal}-wal")) if path.exists())
