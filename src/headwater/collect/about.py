"""How the door is: /health, /metrics and /schema/openapi.json."""

from pathlib import Path

import msgspec
from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers
from headwater.collect.door import Door, Visit
from headwater.collect.meters import CONTENT_TYPE
from headwater.collect.openapi import document
from headwater.listening import is_loopback


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Only whoever asks from this machine is told of the journal."""

    ok: bool
    journal_bytes: int | None = None
    queue_bytes: int | None = None


def routes(door: Door, journal: Path | None) -> list[ASGIRouteHandler]:
    openapi = msgspec.json.encode(document())

    async def health(visit: Visit) -> ASGIResponse:
        told = Health(True)
        if is_loopback(visit.client):
            told = Health(True, _size(journal) if journal else None, door.writer.queued_bytes())
        return answers.answer(200, told, visit.answer_headers)

    async def metrics(visit: Visit) -> ASGIResponse:
        door.admit_metrics(visit)
        text = door.meters.text(door.writer.queued_bytes())
        return ASGIResponse(body=text, headers={**visit.answer_headers, "content-type": CONTENT_TYPE})

    async def schema(visit: Visit) -> ASGIResponse:
        return ASGIResponse(body=openapi, headers=visit.answer_headers, media_type="application/json")

    return [
        door.route("/health", "health", ("GET",), health),
        door.route("/metrics", "metrics", ("GET",), metrics),
        door.route("/schema/openapi.json", "schema", ("GET",), schema),
    ]


def _size(journal: Path) -> int:
    """The journal with its log, as files."""
    return sum(path.stat().st_size for path in (journal, Path(f"{journal}-wal")) if path.exists())
