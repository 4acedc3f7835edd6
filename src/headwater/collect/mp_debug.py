"""What GA4's validation server says of a Measurement Protocol request, in its form and its codes."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from headwater.collect import json_parts
from headwater.collect.json_parts import NotJson
from headwater.collect.privacy import without_emails

MOST_EVENTS = 25
MOST_PARAMS = 25
MOST_USER_PROPERTIES = 25
MOST_ITEMS = 200
LONGEST_NAME = 40
LONGEST_USER_PROPERTY_NAME = 24
LONGEST_USER_PROPERTY_VALUE = 36
LONGEST_VALUE = 100

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED_EVENTS = frozenset(
    [
        *("ad_activeview", "ad_click", "ad_exposure", "ad_query", "ad_reward", "adunit_exposure"),
        *("app_clear_data", "app_exception", "app_install", "app_remove", "app_store_refund"),
        *("app_store_subscription_cancel", "app_store_subscription_convert", "app_store_subscription_renew"),
        *("app_update", "app_upgrade", "dynamic_link_app_open", "dynamic_link_app_update"),
        *("dynamic_link_first_open", "error", "firebase_campaign", "firebase_in_app_message_action"),
        *("firebase_in_app_message_dismiss", "firebase_in_app_message_impression", "first_open"),
        *("first_visit", "in_app_purchase", "notification_dismiss", "notification_foreground"),
        *("notification_open", "notification_receive", "notification_send", "os_update", "session_start"),
        "user_engagement",
    ]
)
_RESERVED_USER_PROPERTIES = frozenset(
    ["first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id", "first_open_after_install"]
)
_RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")


class Message(msgspec.Struct, frozen=True):
    fieldPath: str  # noqa: N815
    description: str
    validationCode: str  # noqa: N815


class Validation(msgspec.Struct, frozen=True):
    validationMessages: list[Message]  # noqa: N815


def validate(body: bytes, *, is_app: bool = False) -> Validation:
    try:
        request = json_parts.object_of(body)
    except NotJson as error:
        return Validation([Message("", f"The body cannot be read: {error}.", "VALUE_INVALID")])
    messages = [*_request(request, is_app), *_user_properties(request), *_events(request)]
    return Validation([msgspec.structs.replace(one, fieldPath=_shown(one.fieldPath)) for one in messages])


def _shown(path: str) -> str:
    """A path holds names that were sent."""
    return without_emails(path.encode(errors="backslashreplace").decode())


def _request(request: dict[str, Any], is_app: bool) -> Iterator[Message]:
    needed = "app_instance_id" if is_app else "client_id"
    who = request.get(needed)
    if who in (None, ""):
        yield Message(needed, f"{needed} is missing.", "VALUE_REQUIRED")
    elif not isinstance(who, str):
        yield Message(needed, f"{needed} must be a text.", "VALUE_INVALID")
    yield from _moment("timestamp_micros", request.get("timestamp_micros"))
    user_id = request.get("user_id")
    if user_id is not None and (not isinstance(user_id, str) or not user_id or len(user_id) > 256):
        yield Message("user_id", "user_id must be a text of 1 to 256 characters.", "VALUE_INVALID")
    consent = request.get("consent")
    if isinstance(consent, dict):
        for name, word in consent.items():
            if word not in ("GRANTED", "DENIED"):
                yield Message(f"consent.{name}", "Consent must be GRANTED or DENIED.", "VALUE_INVALID")
    elif consent is not None:
        yield Message("consent", "consent must be an object.", "VALUE_INVALID")


def _moment(path: str, given: Any) -> Iterator[Message]:
    if given is None:
        return
    text = str(given)
    if isinstance(given, bool) or not re.fullmatch(r"[0-9]{1,18}", text):
        yield Message(path, "timestamp_micros must be whole microseconds since 1970.", "VALUE_INVALID")
    elif len(text) < 15:
        yield Message(path, "timestamp_micros is too small: it counts microseconds.", "VALUE_OUT_OF_BOUNDS")


def _user_properties(request: dict[str, Any]) -> Iterator[Message]:
    properties = request.get("user_properties")
    if properties is None:
        return
    if not isinstance(properties, dict):
        yield Message("user_properties", "user_properties must be an object.", "VALUE_INVALID")
        return
    if len(properties) > MOST_USER_PROPERTIES:
        yield Message(
            "user_properties",
            f"A request may hold {MOST_USER_PROPERTIES} user properties.",
            "EXCEEDED_MAX_ENTITIES",
        )
    for name, given in properties.items():
        path = f"user_properties.{name[:LONGEST_NAME]}"
        yield from _name(path, name, LONGEST_USER_PROPERTY_NAME, _RESERVED_USER_PROPERTIES)
        if not isinstance(given, dict) or "value" not in given:
            yield Message(path, "A user property must be an object with a value.", "VALUE_REQUIRED")
        elif len(str(given["value"])) > LONGEST_USER_PROPERTY_VALUE:
            yield Message(
                path, f"A value may have {LONGEST_USER_PROPERTY_VALUE} characters.", "VALUE_OUT_OF_BOUNDS"
            )


def _events(request: dict[str, Any]) -> Iterator[Message]:
    events = request.get("events")
    if not isinstance(events, list) or not events:
        yield Message("events", "events must be an array of at least one event.", "VALUE_REQUIRED")
        return
    if len(events) > MOST_EVENTS:
        yield Message("events", f"A request may hold {MOST_EVENTS} events.", "EXCEEDED_MAX_ENTITIES")
    for place, event in enumerate(events[:MOST_EVENTS]):
        yield from _event(f"events[{place}]", event)


def _event(path: str, event: Any) -> Iterator[Message]:
    if not isinstance(event, dict):
        yield Message(path, "An event must be an object.", "VALUE_INVALID")
        return
    name = event.get("name")
    if name in (None, ""):
        yield Message(f"{path}.name", "The event has no name.", "VALUE_REQUIRED")
    elif not isinstance(name, str):
        yield Message(f"{path}.name", "The event's name must be a text.", "VALUE_INVALID")
    else:
        yield from _name(f"{path}.name", name, LONGEST_NAME, _RESERVED_EVENTS)
    yield from _moment(f"{path}.timestamp_micros", event.get("timestamp_micros"))
    params = event.get("params", {})
    if isinstance(params, dict):
        yield from _params(f"{path}.params", params)
    else:
        yield Message(f"{path}.params", "params must be an object.", "VALUE_INVALID")


def _params(path: str, params: dict[str, Any]) -> Iterator[Message]:
    if len(params) > MOST_PARAMS:
        yield Message(path, f"An event may have {MOST_PARAMS} params.", "EXCEEDED_MAX_ENTITIES")
    folded = Counter(name.lower() for name in params)
    for name, value in params.items():
        here = f"{path}.{name[:LONGEST_NAME]}"
        yield from _name(here, name, LONGEST_NAME, frozenset())
        if folded[name.lower()] > 1:
            yield Message(here, "Two params have this name but for upper case.", "NAME_DUPLICATED")
        if name == "items":
            yield from _items(here, value)
        elif isinstance(value, dict | list):
            yield Message(here, "A param must be a text or a number.", "VALUE_INVALID")
        elif isinstance(value, str) and len(value) > LONGEST_VALUE and not name.startswith("page_"):
            yield Message(here, f"A text may have {LONGEST_VALUE} characters.", "VALUE_OUT_OF_BOUNDS")
    if "value" in params:
        if isinstance(params["value"], bool) or not isinstance(params["value"], int | float):
            yield Message(f"{path}.value", "value must be a number.", "VALUE_INVALID")
        if "currency" not in params:
            yield Message(f"{path}.currency", "A value needs a currency.", "VALUE_REQUIRED")
    currency = params.get("currency")
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", str(currency)):
        yield Message(f"{path}.currency", "currency must be three upper-case letters.", "VALUE_INVALID")


def _items(path: str, items: Any) -> Iterator[Message]:
    if not isinstance(items, list):
        yield Message(path, "items must be an array.", "VALUE_INVALID")
        return
    if len(items) > MOST_ITEMS:
        yield Message(path, f"An event may have {MOST_ITEMS} items.", "EXCEEDED_MAX_ENTITIES")
    for place, item in enumerate(items[:MOST_ITEMS]):
        if not isinstance(item, dict):
            yield Message(f"{path}[{place}]", "An item must be an object.", "VALUE_INVALID")
        elif not item.get("item_id") and not item.get("item_name"):
            yield Message(f"{path}[{place}]", "An item needs item_id or item_name.", "VALUE_REQUIRED")


def _name(path: str, name: str, longest: int, reserved: frozenset[str]) -> Iterator[Message]:
    if name in reserved or name.startswith(_RESERVED_PREFIXES):
        yield Message(path, "The name is reserved.", "NAME_RESERVED")
    elif not _NAME.fullmatch(name):
        yield Message(
            path, "A name begins with a letter, and holds letters, digits and _ alone.", "NAME_INVALID"
        )
    elif len(name) > longest:
        yield Message(path, f"A name may have {longest} characters.", "NAME_INVALID")
