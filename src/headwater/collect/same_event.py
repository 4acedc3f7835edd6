"""Whether two canonical bodies of one id say the same, however each was written."""

from typing import Any

import msgspec

from headwater.event import (
    CANONICAL_SCHEMA,
    INTEGER_COLUMNS,
    canonical_json,
    core_params,
    integer,
    moment,
    money,
    text_of,
)

# What the door adds says nothing of the event.
_SAID = tuple(
    name
    for name in CANONICAL_SCHEMA.names
    if name not in ("event_id", "source_kind", "received_at", "items", "params")
)
_UNSET = ("currency", "transaction_id")


def same_event(stored_body: bytes, new_body: bytes) -> bool:
    return _said(msgspec.json.decode(stored_body)) == _said(msgspec.json.decode(new_body))


def _said(event: dict[str, Any]) -> list[Any]:
    said: list[Any] = [_value(name, event.get(name)) for name in _SAID]
    items = event.get("items")
    return [
        *said,
        items if isinstance(items, str) else canonical_json(items),
        core_params(event.get("params")),
    ]


def _value(name: str, given: Any) -> Any:
    text = text_of(given)
    if name == "value":
        return money(text or "0")
    if text is None or (name in _UNSET and text.lower() == "(not set)"):
        return "default" if name == "stream_id" else None
    if name in INTEGER_COLUMNS:
        return integer(text)
    return moment(text) if name == "event_timestamp" else text
