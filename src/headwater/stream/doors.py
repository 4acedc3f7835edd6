"""One event as each of the three doors wants to have it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from headwater.stream.script import Event


class Door(StrEnum):
    v1 = "v1"
    mp = "mp"
    gtag = "gtag"


PATHS = {Door.v1: "/v1/events", Door.mp: "/mp/collect", Door.gtag: "/g/collect"}

_IN_MP = {"ga_session_id": "session_id", "ga_session_number": "session_number"}
_OF_THE_MP_REQUEST = ("event_id", "event_name", "event_timestamp", "user_pseudo_id", "params")
_IN_GTAG = {
    "user_pseudo_id": "cid",
    "ga_session_id": "sid",
    "ga_session_number": "sct",
    "batch_page_id": "_p",
    "batch_ordering_id": "_s",
    "event_name": "en",
    "page_location": "dl",
    "page_referrer": "dr",
    "value": "epn.value",
    "currency": "cu",
    "transaction_id": "ep.transaction_id",
}


@dataclass(frozen=True)
class Target:
    """Where events are sent to, and as whose. Without a stream, canonical events go to the one that they name."""

    url: str
    door: Door
    stream: str | None
    key: str | None


@dataclass(frozen=True)
class Request:
    path: str
    query: Mapping[str, str]
    content: bytes
    count: int  # of its events
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(target: Target, event: Event) -> Request:
    if target.door is Door.mp:
        return _mp(target, event)
    if target.door is Door.gtag:
        return _gtag(target, event)
    return canonical(target, [_json(event)])


def several(target: Target, events: Sequence[Event]) -> Request:
    return canonical(target, [_json(event) for event in events])


def canonical(target: Target, lines: Sequence[bytes]) -> Request:
    return Request(
        PATHS[Door.v1],
        {"stream": target.stream} if target.stream else {},
        b"\n".join(lines),
        len(lines),
        {"authorization": f"Bearer {target.key}"} if target.key else {},
    )


def _mp(target: Target, event: Event) -> Request:
    params = {
        _IN_MP.get(name, name): float(value) if name == "value" else value
        for name, value in event.items()
        if name not in _OF_THE_MP_REQUEST
    }
    body = {
        "client_id": event["user_pseudo_id"],
        "timestamp_micros": event["event_timestamp"],
        "events": [{"name": event["event_name"], "params": {**params, **event.get("params", {})}}],
    }
    query = {"measurement_id": str(target.stream)} | ({"api_secret": target.key} if target.key else {})
    return Request(PATHS[Door.mp], query, _json(body), 1)


def _gtag(target: Target, event: Event) -> Request:
    hit = {"v": "2", "tid": str(target.stream)}
    hit |= {name: str(event[column]) for column, name in _IN_GTAG.items() if column in event}
    title = event.get("params", {}).get("page_title")
    return Request(PATHS[Door.gtag], hit | ({"dt": title} if title else {}), b"", 1)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
