"""JSON taken apart so that each event's own bytes stay at hand."""

import json
import re
from typing import Any

import msgspec

_KEY = re.compile(rb'"[ \t\r\n]*:')

_any = msgspec.json.Decoder()
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists = msgspec.json.Decoder(list[msgspec.Raw])


class NotJson(ValueError):  # noqa: N818
    """The text is not JSON, not what it should be, or has a key twice in one object."""


def parts_of(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """An object's values as they stand."""
    try:
        return _objects.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(_told(error)) from None


def elements_of(text: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """An array's elements as they stand."""
    try:
        return _lists.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(_told(error)) from None


def value_of(text: bytes | msgspec.Raw) -> Any:
    """A value; what strict JSON has no words for (NaN) is read as Python reads it."""
    raw = bytes(text)
    try:
        value = _any.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_slowly(raw)
    if (type(value) is dict or type(value) is list) and len(_KEY.findall(raw)) != _count_keys(value):
        return _read_slowly(raw)  # a quote and a colon inside a text, or a key twice
    return value


def object_of(text: bytes | msgspec.Raw) -> dict[str, Any]:
    value = value_of(text)
    if not isinstance(value, dict):
        raise NotJson("not a JSON object")
    return value


def is_cut(value: Any) -> bool:
    """Whether a number may have had more digits than a double holds, six of them behind the point."""
    return type(value) is float and len(repr(value)) > 10


def with_all_digits(text: bytes | msgspec.Raw) -> dict[str, Any]:
    """An object whose fractions are the texts that were sent."""
    return dict(json.loads(bytes(text), parse_float=str))


def _count_keys(value: Any) -> int:
    count = 0
    inner = value
    if type(value) is dict:
        count = len(value)
        inner = value.values()
    for one in inner:
        if type(one) is dict or type(one) is list:
            count += _count_keys(one)
    return count


def _read_slowly(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), object_pairs_hook=_distinct)
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise NotJson(_told(error)) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a key appears twice")
    return found


def _told(error: Exception) -> str:
    if isinstance(error, NotJson):
        return str(error)
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return (
        f"not JSON: {error}"
        if isinstance(error, json.JSONDecodeError)
        else "not JSON of the form that is needed"
    )
