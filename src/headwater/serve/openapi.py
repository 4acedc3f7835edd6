"""The API as an OpenAPI document, from the same table as its routes."""

from typing import Any

from headwater import __version__
from headwater.serve.endpoints import ENDPOINTS, Endpoint
from headwater.serve.formats import MEDIA_TYPES

_KINDS: dict[str, dict[str, Any]] = {
    "date": {"type": ["string", "null"], "format": "date"},
    "instant": {"type": ["string", "null"], "format": "date-time"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}
_FAILURES = {
    "400": "cannot be answered; the message says why",
    "401": "the key is missing or unknown",
    "403": "asked under a name that is not this machine's",
    "404": "nothing is known of it, or nothing is computed yet",
    "503": "the warehouse does not answer now: ask again",
}


def document() -> dict[str, Any]:
    failure = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
            }
        },
    }
    paths = {path_of(one): {"get": _operation(one)} for one in ENDPOINTS}
    paths["/v1/notifications"] = {
        "get": {
            "operationId": "notifications",
            "summary": "Server-sent events: published, whenever the tables have changed",
            "responses": {
                "200": {"description": "a stream", "content": {"text/event-stream": {}}},
                **_failures(),
            },
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "headwater", "version": __version__},
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Failure": failure},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def path_of(one: Endpoint) -> str:
    return f"/v1{one.path}" + (f"/{{{one.named}}}" if one.named else "")


def _operation(one: Endpoint) -> dict[str, Any]:
    named = {"name": one.named, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    headers = {
        "ETag": {"schema": {"type": "string"}},
        "X-Headwater-Build": {
            "schema": {"type": "integer"},
            "description": "the build that the answer was made from",
        },
    }
    if one.is_table:
        headers["X-Next-Cursor"] = {
            "schema": {"type": "string"},
            "description": "there are more rows: `cursor`",
        }
    return {
        "operationId": path_of(one).removeprefix("/v1/").replace("/", "_").replace("{", "").replace("}", ""),
        "summary": one.told,
        "parameters": [*([named] if one.named else []), *(parameter.described() for parameter in one.takes)],
        "responses": {
            "200": {"description": one.told, "headers": headers, "content": _content(one)},
            "304": {"description": "unchanged since the answer with that ETag"},
            **_failures(),
        },
    }


def _content(one: Endpoint) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {
            name: _KINDS.get(kind, {"type": [kind, "null"]}) for name, kind in one.columns.items()
        },
        "additionalProperties": one.is_open,
    }
    if not one.is_table:
        return {"application/json": {"schema": row}}
    table = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "from": {"type": "string", "format": "date"},
            "to": {"type": "string", "format": "date"},
            "data": {"type": "array", "items": row},
        },
    }
    others: dict[str, Any] = {
        media_type.split(";")[0]: {} for name, media_type in MEDIA_TYPES.items() if name != "json"
    }
    return {"application/json": {"schema": table}, **others}


def _failures() -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Failure"}}
    return {
        status: {"description": told, "content": {"application/json": schema}}
        for status, told in _FAILURES.items()
    }
