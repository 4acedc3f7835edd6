"""The canonical event: its columns as Arrow schemas, its checks, its id.

The functions here take one event at a time, for the door that events stream through. Files go through
`sources.canonical`, which gives the same answers by the column."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from hashlib import md5, sha256
from typing import Any, Final

import pyarrow as pa

CLICK_IDS = ("gclid", "dclid", "gbraid", "wbraid", "srsltid", "msclkid", "fbclid", "ttclid")
SOURCE_KINDS = ("export_daily", "export_intraday", "stream", "file")

CANONICAL_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("stream_id", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("event_timestamp", pa.timestamp("us"), nullable=False),
        ("user_pseudo_id", pa.string()),
        ("user_id", pa.string()),
        ("ga_session_id", pa.int64()),
        ("ga_session_number", pa.int64()),
        ("batch_page_id", pa.int64()),
        ("batch_ordering_id", pa.int64()),
        ("batch_event_index", pa.int64()),
        ("page_location", pa.string()),
        ("page_referrer", pa.string()),
        ("source", pa.string()),
        ("medium", pa.string()),
        ("campaign", pa.string()),
        ("term", pa.string()),
        ("content", pa.string()),
        *((name, pa.string()) for name in CLICK_IDS),
        ("first_user_source", pa.string()),
        ("first_user_medium", pa.string()),
        ("first_user_campaign", pa.string()),
        ("ga4_channel", pa.string()),
        pa.field("value", pa.decimal128(18, 6), nullable=False),
        ("currency", pa.string()),
        ("transaction_id", pa.string()),
        ("items", pa.string()),
        ("params", pa.string()),
        pa.field("received_at", pa.timestamp("us"), nullable=False),
    ]
)

# What the door works out once, so that no engine has to: stored beside the canonical columns.
DERIVED_SCHEMA = pa.schema(
    [
        pa.field("device_id", pa.string(), nullable=False),
        ("page_domain", pa.string()),
        ("referrer_host", pa.string()),
        ("referrer_domain", pa.string()),
        ("source_domain", pa.string()),
        ("first_user_domain", pa.string()),
        pa.field("page_is_tagged", pa.bool_(), nullable=False),
        pa.field("is_engaged", pa.bool_(), nullable=False),
        pa.field("payload_hash", pa.int64(), nullable=False),
    ]
)

RAW_SCHEMA = pa.schema([*CANONICAL_SCHEMA, *DERIVED_SCHEMA])

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("origin", pa.string(), nullable=False),
        ("line", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("original", pa.string(), nullable=False),
    ]
)

TRAFFIC = ("source", "medium", "campaign", "term", "content")
INTEGER_COLUMNS = (
    "ga_session_id",
    "ga_session_number",
    "batch_page_id",
    "batch_ordering_id",
    "batch_event_index",
)

# Why an event is refused. Stored in the dead letters, so a word here never changes its meaning.
MISSING_EVENT_NAME: Final = "missing_event_name"
MISSING_TIMESTAMP: Final = "missing_timestamp"
INVALID_TIMESTAMP: Final = "invalid_timestamp"
TIMESTAMP_IN_FUTURE: Final = "timestamp_in_future"
NO_IDENTITY: Final = "no_identity"
MALFORMED_JSON: Final = "malformed_json"
MALFORMED_CSV: Final = "malformed_csv"
INVALID_NUMBER: Final = "invalid_number"
INVALID_SOURCE_KIND: Final = "invalid_source_kind"
NUL_CHARACTER: Final = "nul_character"
LATE_EVENT: Final = "late_event"
CONSENT_DENIED: Final = "consent_denied"
ID_CONFLICT: Final = "id_conflict"

CLOCK_TOLERANCE = timedelta(minutes=10)

# What the export adds to an event and may change from one export to the next: kept, but no part of what the
# event is, so neither its id nor its payload depends on it.
EXPORT_KEY = "_export"

# One grammar for both ways in: Python's `re` and DuckDB's RE2 read these alike.
INTEGER_PATTERN = r"[+-]?[0-9]+(\.0*)?"
NUMBER_PATTERN = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
MICROSECONDS_PATTERN = r"-?[0-9]{1,18}(\.0*)?"
ISO_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?"
)
EARLIEST_MICROSECONDS = -62_135_596_800_000_000  # 0001-01-01
LATEST_MICROSECONDS = 253_402_300_799_999_999  # 9999-12-31
VALUE_LIMIT = Decimal(10) ** 12  # decimal(18,6) holds what is smaller

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Refusal:
    """Why an event is not taken: a reason from the list above, and what exactly is wrong."""

    reason: str
    detail: str


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: keys sorted at every depth, no spaces, text unescaped.

    NaN and the infinities, which JSON has no word for, are null."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def text_of(value: Any) -> str | None:
    """A column's value as text, whatever JSON type it came as; the empty text is no value."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else _text_of_other(value)


def _text_of_other(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        # A whole number is spelt out, so that it reads as one in a column of whole numbers.
        is_spelt_out = value.is_integer() and abs(value) < 1e21
        return f"{value:.1f}" if is_spelt_out else str(value)
    return canonical_json(value)


def integer(text: str) -> int | None:
    """A whole number of 64 bits, or None if the text is none."""
    if not re.fullmatch(INTEGER_PATTERN, text):
        return None
    number = int(text.partition(".")[0])
    return number if -(2**63) <= number < 2**63 else None


def money(text: str) -> Decimal | None:
    """An exact decimal(18,6), rounded half up; NaN is 0; None if the text is no number or too large."""
    if text.lower() == "nan":
        return Decimal("0.000000")
    if not re.fullmatch(NUMBER_PATTERN, text):
        return None
    try:
        amount = Decimal(text).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return None
    return amount + 0 if abs(amount) < VALUE_LIMIT else None


def moment(text: str) -> datetime | None:
    """ISO 8601 (without an offset: UTC) or whole microseconds since 1970, as naive UTC."""
    if re.fullmatch(MICROSECONDS_PATTERN, text):
        microseconds = int(text.partition(".")[0])
        if not EARLIEST_MICROSECONDS <= microseconds <= LATEST_MICROSECONDS:
            return None
        return _EPOCH + timedelta(microseconds=microseconds)
    if not re.fullmatch(ISO_PATTERN, text):
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed
    except (ValueError, OverflowError):
        return None


def tidy(text: str, *, lowered: bool = False) -> str | None:
    """A source, medium, campaign … without blanks around it; None for a word that says nothing."""
    plain = text.strip(" \t\n\r\v\f")
    folded = plain.lower()
    if folded in ("", "(not set)", "(data deleted)"):
        return None
    return folded if lowered else plain


def refusal(event: Mapping[str, Any], now: datetime) -> Refusal | None:
    """The first reason why this event, in canonical column names and any JSON types, cannot be taken."""
    malformed = _malformed(event)
    if malformed:
        return malformed
    text = {name: text_of(value) for name, value in event.items() if name not in ("params", "items")}
    if text.get("event_name") is None:
        return Refusal(MISSING_EVENT_NAME, "event_name is missing")
    stamp = text.get("event_timestamp")
    if stamp is None:
        return Refusal(MISSING_TIMESTAMP, "event_timestamp is missing")
    at = moment(stamp)
    if at is None:
        return Refusal(
            INVALID_TIMESTAMP, f"event_timestamp is neither ISO 8601 nor whole microseconds: {stamp}"
        )
    if at > now + CLOCK_TOLERANCE:
        return Refusal(TIMESTAMP_IN_FUTURE, f"event_timestamp is more than 10 minutes in the future: {stamp}")
    kind = text.get("source_kind")
    if kind is not None and kind not in SOURCE_KINDS:
        return Refusal(INVALID_SOURCE_KIND, f"source_kind is none of {', '.join(SOURCE_KINDS)}: {kind}")
    for name in INTEGER_COLUMNS:
        given = text.get(name)
        if given is not None and integer(given) is None:
            return Refusal(INVALID_NUMBER, f"{name} is not a whole number of 64 bits: {given}")
    value = text.get("value")
    if value is not None and money(value) is None:
        return Refusal(INVALID_NUMBER, f"value is not a number below 10^12: {value}")
    if not (text.get("user_pseudo_id") or text.get("user_id") or text.get("ga_session_id")):
        return Refusal(NO_IDENTITY, "user_pseudo_id, user_id and ga_session_id are all missing")
    return None


def _malformed(event: Mapping[str, Any]) -> Refusal | None:
    parts = dict(event)
    try:
        for name in ("params", "items"):
            if isinstance(parts.get(name), str):
                parts[name] = json.loads(parts[name]) if parts[name] else None
        canonical_json(parts).encode()
    except ValueError as error:
        return Refusal(MALFORMED_JSON, f"not JSON in UTF-8: {error}")
    if not isinstance(parts.get("params"), dict | None):
        return Refusal(MALFORMED_JSON, "params is not a JSON object with each key once")
    if _has_nul(parts):
        return Refusal(NUL_CHARACTER, "a text holds the character NUL, which PostgreSQL cannot store")
    return None


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_nul(part) for part in value)


def device_id(user_pseudo_id: str | None, user_id: str | None, ga_session_id: int | None) -> str | None:
    if user_pseudo_id:
        return user_pseudo_id
    if user_id:
        return f"user:{user_id}"
    return None if ga_session_id is None else f"session:{ga_session_id}"


def event_id(event: Mapping[str, Any]) -> str:
    """The id of a canonical event that was given none: the same event always makes the same id.

    Each part carries its length, so no two events can run together into one text."""
    session = event.get("ga_session_id")
    who = event.get("user_pseudo_id") or event.get("user_id") or (None if session is None else str(session))
    parts = [
        event["stream_id"],
        who,
        event["event_name"],
        _microseconds(event["event_timestamp"]),
        *(event.get(name) for name in ("batch_page_id", "batch_ordering_id", "batch_event_index")),
        event.get("transaction_id"),
        core_params(event.get("params")),
    ]
    return sha256(b"".join(_measured(part) for part in parts)).hexdigest()


def _measured(part: Any) -> bytes:
    if part is None:
        return b"-"
    text = str(part).encode()
    return b"%d:%b" % (len(text), text)


# What makes two arrivals of one id the same event.
PAYLOAD_COLUMNS = tuple(
    name
    for name in CANONICAL_SCHEMA.names
    if name not in ("event_id", "stream_id", "source_kind", "params", "received_at")
)


def payload_hash(event: Mapping[str, Any]) -> int:
    """63 bits over what a canonical event says. NUL parts the columns: no text that is taken holds one."""
    said = [_said(name, event.get(name)) for name in PAYLOAD_COLUMNS] + [
        core_params(event.get("params")) or ""
    ]
    return int.from_bytes(md5("\0".join(said).encode(), usedforsecurity=False).digest()[8:], "little") >> 1


def _said(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "event_timestamp":
        return str(_microseconds(value))
    return f"{value:.6f}" if name == "value" else str(value)


def core_params(params: str | Mapping[str, Any] | None) -> str | None:
    """The params as they count for the id: in one spelling, without what the export adds."""
    given = json.loads(params) if isinstance(params, str) else params
    kept = {key: value for key, value in (given or {}).items() if key != EXPORT_KEY}
    return canonical_json(kept) if kept else None


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
