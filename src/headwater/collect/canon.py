"""A loose event becomes an arrival: checked, normalised, without what may not be kept, and named.

`event.refusal` and `event.event_id` are the rules. This is the same with less work for the usual event; where
anything is unusual, they are asked."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any, Final

import msgspec

from headwater import event
from headwater.collect import never_kept, privacy
from headwater.collect.privacy import GIVEN, UNKNOWN_DEVICE, Consent, Device
from headwater.event import Refusal, moment, money, text_of
from headwater.journal.arrival import Arrival

Loose = dict[str, Any]

MICROSECONDS: Final = 1_000_000
# A body begins with its id where that was not made of all that the event is, its time included: whoever loads it has to
# look for a repeat in all of history, and otherwise at its time alone.
OWN_ID: Final = b'"event_id":'
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_TOLERANCE = event.CLOCK_TOLERANCE // _MICROSECOND
_SEVEN_BYTES = 2**56 - 1
_LONGEST_DETAIL = 300
_NUL = rb"\u0000"
_SPELT_ALIKE = frozenset((str, int, bool, type(None)))

_sorted_json = msgspec.json.Encoder(order="sorted").encode
_params_json = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class Receipt(msgspec.Struct, frozen=True):
    """What holds for all events of one request."""

    origin: str
    received_at: int
    max_age: int  # microseconds
    redacts_emails: bool = True
    device: Device = UNKNOWN_DEVICE


class _Invalid(Exception):  # noqa: N818
    """Something that `event.refusal` has a reason against."""


def _text(given: Any) -> str:
    return given if type(given) is str else text_of(given) or ""


def _set_text(given: Any) -> str | None:
    text = _text(given)
    return None if text.lower() == "(not set)" else text


def _integer(given: Any) -> int:
    if type(given) is int and -(2**63) <= given < 2**63:
        return given
    if type(given) is str and len(given) < 19 and given.isascii() and given.isdigit():
        return int(given)
    number = event.integer(_text(given))
    if number is None:
        raise _Invalid
    return number


def _amount(given: Any) -> str | None:
    """None for 0, which is what an event without a value has."""
    amount = money(_text(given))
    if amount is None:
        raise _Invalid
    return f"{amount:f}" if amount else None


def _moment(given: Any) -> int:
    if type(given) is int and event.EARLIEST_MICROSECONDS <= given <= event.LATEST_MICROSECONDS:
        return given
    at = moment(_text(given))
    if at is None:
        raise _Invalid
    return (at - _EPOCH) // _MICROSECOND


def _source_kind(given: Any) -> None:
    """Whatever came through this door is of kind `stream`."""
    if given not in event.SOURCE_KINDS:
        raise _Invalid


def _items(given: Any) -> Any:
    if type(given) is list:
        return given
    try:
        parsed = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        raise _Invalid from None
    return parsed if isinstance(parsed, list | dict) else given


def _nothing(given: Any) -> None:
    return None


_SPELL: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(event.CANONICAL_SCHEMA.names, _text),
    **dict.fromkeys(event.INTEGER_COLUMNS, _integer),
    **dict.fromkeys(("currency", "transaction_id"), _set_text),
    "value": _amount,
    "event_timestamp": _moment,
    "items": _items,
    "source_kind": _source_kind,
    "received_at": _nothing,
    "params": _nothing,
}
COLUMNS = frozenset(_SPELL)


def arrival(
    loose: Loose,
    receipt: Receipt,
    *,
    original: bytes,
    position: int,
    consent: Consent = GIVEN,
    has_own_time: bool = True,
    transport: tuple[str, ...] = (),
) -> Arrival:
    """The event under canonical names and of any JSON types, ready for the journal; or its refusal.

    `transport` names params of the sending alone: they are kept, but are no part of what the event is; and
    with them the event is known by its place on its page where the door had to give the time."""
    if not consent.analytics:
        return _denied(loose, receipt, position)
    if not consent.ads:
        original = privacy.original_without_click_ids(original)
    try:
        columns, params = _taken_apart(loose, receipt)
        if not consent.ads:
            columns = {name: privacy.without_click_ids(name, value) for name, value in columns.items()}
            params = {name: privacy.without_click_ids(name, value) for name, value in params.items()}
        given_id = columns.pop("event_id", None)
        said, spelt = _spelt(columns, params, receipt)
        quoted_id = _sorted_json(given_id) if given_id else b""
    except (_Invalid, ValueError, RecursionError):  # ValueError: text that is no Unicode
        return refused(_reason(loose, receipt), receipt, original=original, position=position)
    if _NUL in said or _NUL in spelt or _NUL in original or _NUL in quoted_id:
        reason = event.refusal(loose, _clock(receipt))
        if reason:
            return refused(reason, receipt, original=original, position=position)
    at = columns["event_timestamp"]
    if at < receipt.received_at - receipt.max_age:
        hours = receipt.max_age // (3600 * MICROSECONDS)
        late = Refusal(
            event.LATE_EVENT, f"event_timestamp is more than {hours} hours ago: {loose['event_timestamp']}"
        )
        return refused(late, receipt, original=original, position=position)
    return _named(given_id, columns, params, said, spelt, receipt, position, has_own_time, transport)


def refused(reason: Refusal, receipt: Receipt, *, original: bytes, position: int) -> Arrival:
    detail = reason.detail if len(reason.detail) <= _LONGEST_DETAIL else reason.detail[:_LONGEST_DETAIL] + "…"
    return Arrival(
        body=never_kept.original_without(original),
        origin=receipt.origin,
        received_at=receipt.received_at,
        reason=reason.reason,
        detail=privacy.without_emails(detail).encode(errors="backslashreplace").decode(),
        position=position,
    )


def _denied(loose: Loose, receipt: Receipt, position: int) -> Arrival:
    kept = {name: text_of(loose.get(name)) for name in ("event_name", "event_timestamp")}
    reason = Refusal(
        event.CONSENT_DENIED, "consent for analytics storage is denied: nothing but its name and time is kept"
    )
    original = json.dumps(kept).encode()  # escapes what is no Unicode
    return refused(reason, receipt, original=original, position=position)


def _reason(loose: Loose, receipt: Receipt) -> Refusal:
    unreadable = Refusal(event.MALFORMED_JSON, "not JSON that can be read: nested too deeply")
    try:
        return event.refusal(loose, _clock(receipt)) or unreadable
    except RecursionError:
        return unreadable


def _clock(receipt: Receipt) -> datetime:
    return _EPOCH + timedelta(microseconds=receipt.received_at)


def _taken_apart(loose: Loose, receipt: Receipt) -> tuple[Loose, Loose]:
    """The canonical columns that hold anything, and the params with all that is no column."""
    columns: Loose = {}
    others: Loose = {}
    for name, given in loose.items():
        if given is None:
            continue
        spell = _SPELL.get(name)
        if spell is None:
            others[name] = given
        elif given != "":
            spelt = given if spell is _text and type(given) is str else spell(given)
            if spelt is not None:
                columns[name] = spelt
    at = columns.get("event_timestamp")
    if at is None or at > receipt.received_at + _TOLERANCE or "event_name" not in columns:
        raise _Invalid
    if not ("user_pseudo_id" in columns or "user_id" in columns or "ga_session_id" in columns):
        raise _Invalid
    params = loose.get("params")
    if type(params) is str:
        params = json.loads(params) if params else None
    if params is not None and type(params) is not dict:
        raise _Invalid
    category, is_bot = receipt.device
    if others or category or is_bot:
        params = {**others, **(params or {})}
        if category:
            params.setdefault("device_category", category)
        if is_bot:
            params["is_bot"] = 1
    if params and never_kept.holds_any(params):
        params = never_kept.without(params)
    columns.setdefault("stream_id", "default")
    return columns, params or {}


def _spelt(columns: Loose, params: Loose, receipt: Receipt) -> tuple[bytes, bytes]:
    """Both as JSON, and both changed to be without e-mail addresses in page addresses."""
    said, spelt = _sorted_json(columns), _canonical(params)
    if receipt.redacts_emails and (_may_hold_email(said) or _may_hold_email(spelt)):
        for name in ("page_location", "page_referrer"):
            if name in columns:
                columns[name] = privacy.without_emails(columns[name])
        for name in list(params):
            params[name] = privacy.redacted(name, params[name])
        return _sorted_json(columns), _canonical(params)
    return said, spelt


def _may_hold_email(text: bytes) -> bool:
    return b"@" in text or (b"%" in text and b"40" in text)


def _canonical(params: Loose) -> bytes:
    """`event.canonical_json`, with encoders that are made once; msgspec spells fractions in its own way."""
    for value in params.values():
        if type(value) not in _SPELT_ALIKE:
            break
    else:
        return _sorted_json(params)
    try:
        return _params_json(params).encode()
    except UnicodeEncodeError:
        raise
    except ValueError:  # no finite number
        return event.canonical_json(params).encode()


def _named(
    given_id: str | None,
    columns: Loose,
    params: Loose,
    said: bytes,
    spelt: bytes,
    receipt: Receipt,
    position: int,
    has_own_time: bool,
    transport: tuple[str, ...],
) -> Arrival:
    counted = spelt
    dropped = (*transport, event.EXPORT_KEY) if event.EXPORT_KEY in params else transport
    if any(name in params for name in dropped):
        counted = _canonical({name: value for name, value in params.items() if name not in dropped})
    at = columns["event_timestamp"]
    payload = said
    if not has_own_time:
        payload = _sorted_json({name: value for name, value in columns.items() if name != "event_timestamp"})
    is_placed = bool(transport) and not has_own_time
    is_placed = is_placed and "batch_page_id" in columns and "batch_ordering_id" in columns
    event_id = given_id or _event_id(columns, counted, None if is_placed else at)
    spelt_id = _sorted_json(event_id)
    if given_id or is_placed:
        head = b'{%b%b,"received_at":%d,"source_kind":"stream",' % (OWN_ID, spelt_id, receipt.received_at)
    else:
        head = b'{"received_at":%d,"source_kind":"stream","event_id":%b,' % (receipt.received_at, spelt_id)
    stream = columns["stream_id"].encode()
    named = event_id.encode()
    key = sha256(b"%d:%b%d:%b" % (len(stream), stream, len(named), named)).digest()
    if not (given_id or is_placed):
        # equal ids are of one moment, and rows that come together have keys that are together on disk
        key = (at & _SEVEN_BYTES).to_bytes(7) + key
    return Arrival(
        body=b'%b%b,"params":%b}' % (head, said[1:-1], spelt) if params else head + said[1:],
        origin=receipt.origin,
        received_at=receipt.received_at,
        key=key[:16],
        payload=blake2b(payload + counted, digest_size=16).digest(),
        position=position,
    )


def _event_id(columns: Loose, params: bytes, at: int | None) -> str:
    """`event.event_id` of columns that are normalised already."""
    find = columns.get
    session = find("ga_session_id")
    who = find("user_pseudo_id") or find("user_id") or str(session)
    parts = [columns["stream_id"].encode(), who.encode(), columns["event_name"].encode()]
    measured = [b"%d:%b" % (len(part), part) for part in parts]
    numbers = (at, find("batch_page_id"), find("batch_ordering_id"), find("batch_event_index"))
    for number in numbers:
        measured.append(b"-" if number is None else b"%d:%d" % (len(str(number)), number))
    order = find("transaction_id")
    for part in (order.encode() if order else None, None if params == b"{}" else params):
        measured.append(b"-" if part is None else b"%d:%b" % (len(part), part))
    return sha256(b"".join(measured)).hexdigest()
