"""Reads a session's number, as a tag sends it and as its cookie holds it."""

import re

from headwater.event import integer

_IN_COOKIE = re.compile(r"s([0-9]{1,18})\$")  # s1717000000$o3$g1$t1717000123


def session_of(given: str) -> int | None:
    """None for what is no number."""
    if len(given) < 19 and given.isascii() and given.isdigit():
        return int(given)
    in_cookie = _IN_COOKIE.match(given)
    return integer(in_cookie[1] if in_cookie else given)
