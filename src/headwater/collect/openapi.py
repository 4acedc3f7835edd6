"""The doors as an OpenAPI document; the schemas are made from the types."""

from typing import Annotated, Any

import msgspec

from headwater import __version__
from headwater.collect.answers import Failure, Report
from headwater.collect.mp_debug import Validation

Text = str | None
Number = int | float | str | None
Whole = int | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,18}$")]
Params = dict[str, Any]


class Consent(msgspec.Struct, omit_defaults=True):
    ad_storage: str | None = None
    ad_user_data: str | None = None
    ad_personalization: str | None = None
    analytics_storage: str | None = None


class MeasurementEvent(msgspec.Struct, omit_defaults=True):
    """An event of the Measurement Protocol."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    params: Params = {}
    timestamp_micros: Whole | None = None


class MeasurementRequest(msgspec.Struct, omit_defaults=True):
    """One sender's events: of a page by client_id, of an app by app_instance_id."""

    events: Annotated[list[MeasurementEvent], msgspec.Meta(min_length=1, max_length=25)]
    client_id: Text = None
    app_instance_id: Text = None
    user_id: Text = None
    timestamp_micros: Whole | None = None
    user_properties: dict[str, Any] = {}
    consent: Consent | None = None


class CanonicalEvent(msgspec.Struct, omit_defaults=True):
    """An event in canonical names; one of user_pseudo_id, user_id, ga_session_id is needed. Others go into params."""

    event_name: Annotated[str, msgspec.Meta(min_length=1)]
    event_timestamp: str | int
    event_id: Text = None
    stream_id: Text = None
    user_pseudo_id: Text = None
    user_id: Text = None
    ga_session_id: Number = None
    ga_session_number: Number = None
    batch_page_id: Number = None
    batch_ordering_id: Number = None
    batch_event_index: Number = None
    page_location: Text = None
    page_referrer: Text = None
    source: Text = None
    medium: Text = None
    campaign: Text = None
    term: Text = None
    content: Text = None
    value: Number = None
    currency: Text = None
    transaction_id: Text = None
    items: list[Params] | None = None
    params: Params | None = None
    consent: Consent | None = None


_TYPES = (MeasurementRequest, CanonicalEvent, Report, Failure, Validation)
_FAILURES = {
    "400": "cannot be read; nothing of it was kept",
    "401": "the key is not known",
    "403": "the page's origin or the key's stream is another",
    "413": "too large, before or after unpacking",
    "415": "an encoding other than gzip and zstd",
    "429": "too fast, or the journal is full: send again after Retry-After",
    "503": "the journal cannot be written now: send again after Retry-After",
    "507": "the disk is nearly full: send again after Retry-After",
}


def document() -> dict[str, Any]:
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    measurement, event, report, _, validation = schemas
    nothing: dict[str, Any] = {"description": "all taken: on disk"}
    some = _json("taken, but for the events that the report names", report)
    none = _json("none taken, for the reasons in the report", report)
    mp_query = [
        _query("measurement_id", "the stream, of a page"),
        _query("firebase_app_id", "the stream, of an app"),
        _query("api_secret", "the key"),
    ]
    tag_query = [
        _query("v", "the tag's version", {"const": "2"}, required=True),
        _query("tid", "the stream", {"type": "string", "minLength": 1}, required=True),
        *(_query(name, told) for name, told in (("cid", "client"), ("sid", "session"), ("en", "event"))),
        *(_query(name, told) for name, told in (("dl", "page"), ("dr", "referrer"), ("gcs", "consent"))),
    ]
    tag = {
        "summary": "A hit of Google's tag",
        "parameters": tag_query,
        "responses": _answers({"204": nothing}),
    }
    events = {
        "application/json": {"schema": {"type": "array", "items": event, "minItems": 1, "maxItems": 10_000}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    mp_body = {"required": True, "content": {"application/json": {"schema": measurement}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "headwater collect", "version": __version__},
        "paths": {
            "/mp/collect": {
                "post": {
                    "summary": "Events of the Measurement Protocol",
                    "parameters": mp_query,
                    "requestBody": mp_body,
                    "responses": _answers({"204": nothing, "200": some, "422": none}),
                }
            },
            "/debug/mp/collect": {
                "post": {
                    "summary": "What is wrong with events of the Measurement Protocol; nothing is kept",
                    "parameters": mp_query,
                    "requestBody": mp_body,
                    "responses": _answers({"200": _json("what is wrong, if anything", validation)}),
                }
            },
            "/g/collect": {
                "get": tag,
                "post": {**tag, "requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}}},
            },
            "/v1/events": {
                "post": {
                    "summary": "Canonical events, as NDJSON or as an array",
                    "security": [{}, {"bearer": []}, {"key": []}],
                    "parameters": [_query("stream", "the stream of events that name none")],
                    "requestBody": {"required": True, "content": events},
                    "responses": _answers({"200": _json("taken, event by event", report), "422": none}),
                }
            },
            "/health": {"get": {"summary": "Whether the door is open", "responses": {"200": _any("it is")}}},
            "/metrics": {
                "get": {
                    "summary": "For Prometheus",
                    "responses": _answers({"200": {"description": "counts"}}),
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _query(
    name: str, told: str, schema: dict[str, Any] | None = None, *, required: bool = False
) -> dict[str, Any]:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "query", "description": told, "required": required, "schema": schema}


def _answers(own: dict[str, Any]) -> dict[str, Any]:
    failure = {"$ref": "#/components/schemas/Failure"}
    return own | {status: _json(told, failure) for status, told in _FAILURES.items()}


def _json(told: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": schema}}}


def _any(told: str) -> dict[str, Any]:
    return _json(told, {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}})
