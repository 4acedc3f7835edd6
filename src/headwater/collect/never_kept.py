"""Takes out what tells of a person's machine or address: IP addresses, raw user agents, user_data.

It goes by the names that senders give it, in every usual spelling (`ip_address`, `ipAddress`, `IP-Address`), at every
depth, whichever door it comes through."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

_WORDS = (
    *("ip", "ips", "ip_addr", "ip_address", "ip_addresses", "ip_override", "ipv4", "ipv6", "uip"),
    *("client_ip", "client_ip_address", "user_ip", "user_ip_address", "visitor_ip", "customer_ip"),
    *("remote_ip", "remote_addr", "remote_address", "source_ip", "real_ip", "x_real_ip", "true_client_ip"),
    *("forwarded_for", "x_forwarded_for", "cf_connecting_ip", "browser_ip", "device_ip", "request_ip"),
    *("ua", "ua_string", "user_agent", "user_agent_string", "user_agent_override", "client_user_agent"),
    *("browser_user_agent", "http_user_agent", "raw_user_agent", "useragent", "user_data"),
)


def _spellings(name: str) -> Iterator[str]:
    words = name.split("_")
    titled = [word.title() for word in words]
    loud = ["IP" if word == "ip" else word.title() for word in words]
    for joint in ("_", "-", " ", ""):
        for spelt in (words, titled, loud, [words[0], *titled[1:]], [words[0], *loud[1:]]):
            yield joint.join(spelt)
        yield joint.join(words).upper()


NAMES: Final = frozenset(spelt for name in _WORDS for spelt in _spellings(name))

_NESTED: Final[frozenset[type]] = frozenset((dict, list))
_KEY_IN_JSON = re.compile(rb'"([\w -]{2,24})"\s*+:')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]|[^"\[\]{},]++', re.DOTALL)


def holds_any(value: Any) -> bool:
    """Whether an object, or one inside it, has such a name."""
    inside: Iterable[Any] = value
    if type(value) is dict:
        if not NAMES.isdisjoint(value):
            return True
        inside = value.values()
    if _NESTED.isdisjoint(map(type, inside)):  # so it is for most events
        return False
    return any(holds_any(one) for one in inside if type(one) in _NESTED)


def without(value: Any) -> Any:
    """The same without them."""
    if isinstance(value, dict):
        return {name: without(inner) for name, inner in value.items() if name not in NAMES}
    return [without(inner) for inner in value] if isinstance(value, list) else value


def original_without(original: bytes) -> bytes:
    """JSON as it was sent, but for them; also what only looks like JSON."""
    kept = bytearray()
    place = 0
    for key in _KEY_IN_JSON.finditer(original):
        if key.start() < place or key[1].decode() not in NAMES:
            continue
        kept += original[place : key.start()]
        place = _end_of_value(original, key.end())
        if original[place : place + 1] == b",":
            place += 1
        else:
            while kept and kept[-1] in b" \t\r\n,":
                del kept[-1]
    return bytes(kept) + original[place:] if place else original


def _end_of_value(text: bytes, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        sign = token[0]
        if sign in (b"[", b"{"):
            depth += 1
        elif not depth and sign in (b"]", b"}", b","):
            return token.start()
        elif sign in (b"]", b"}"):
            depth -= 1
    return len(text)
