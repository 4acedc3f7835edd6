"""Refused bytes as the text that a warehouse can hold, and back again to the byte.

Most are text already and are kept as they are. What is none, what holds a NUL (which PostgreSQL has no place for), and
what begins as the others do, is kept in base64 behind a marker."""

from base64 import b64decode, b64encode

MARKER = "base64:"


def kept(original: bytes) -> str:
    try:
        text = original.decode()
    except UnicodeDecodeError:
        return _encoded(original)
    return _encoded(original) if "\0" in text or text.startswith(MARKER) else text


def sent(text: str) -> bytes:
    """The bytes that `kept` was given. What no `kept` has written is taken as the text that it is."""
    if text.startswith(MARKER):
        try:
            return b64decode(text.removeprefix(MARKER), validate=True)
        except ValueError:
            pass
    return text.encode()


def readable(text: str) -> str:
    """For people: bytes that are no text are shown as \\xNN."""
    return sent(text).decode(errors="backslashreplace")


def _encoded(original: bytes) -> str:
    return MARKER + b64encode(original).decode()
