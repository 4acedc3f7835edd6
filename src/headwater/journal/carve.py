"""Rows out of SQLite's pages, without SQLite and without its trees: each leaf page is read by itself.

The format is https://www.sqlite.org/fileformat2.html. What comes out may be garbage; checksums decide that."""

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from headwater.journal.tables import PAGE_BYTES

_LEAF = b"\x0d"  # the first byte of a page that holds rows of a table
_MOST_LOCAL = PAGE_BYTES - 35
_LEAST_LOCAL = (PAGE_BYTES - 12) * 32 // 255 - 23
_LARGEST = 1 << 31
_LONGEST_PREFIX = 12  # bytes of a row's size and number
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

# How the values of our rows begin: the size of their heading, no value for the number; or three values, the first text.
_BEGINNINGS = re.compile(rb"(?=[\x0b-\x1c]\x00[\x00\x2c][\x00\x2c]|[\x04-\x06][\x0d-\x7f])")

GetPage = Callable[[int], bytes]  # nothing for a page that is not there
Found = Iterator[tuple[int, list[Any]]]


def records(page: bytes, get_page: GetPage) -> Found:
    """The row number and the values of each row that the page leads to and that can be read."""
    if page[:1] != _LEAF:
        return
    (cells,) = struct.unpack_from(">H", page, 3)
    for cell in range(min(cells, (PAGE_BYTES - 8) // 2)):
        (start,) = struct.unpack_from(">H", page, 8 + 2 * cell)
        yield from _try(page, start, get_page)


def records_anywhere(page: bytes, get_page: GetPage) -> Found:
    """What may be a row of ours, wherever it begins: for a page whose own directory is damaged."""
    for beginning in _BEGINNINGS.finditer(page):
        for start in range(max(0, beginning.start() - _LONGEST_PREFIX), beginning.start() - 1):
            if _prefix_ends(page, start) == beginning.start():
                yield from _try(page, start, get_page)


def _try(page: bytes, start: int, get_page: GetPage) -> Found:
    try:
        yield _record(page, start, get_page)
    except (ValueError, IndexError, struct.error):
        return


def _prefix_ends(page: bytes, start: int) -> int:
    """Where a row's values begin: behind its size and its number."""
    _, after_size = _varint(page, start)
    return _varint(page, after_size)[1]


def _record(page: bytes, start: int, get_page: GetPage) -> tuple[int, list[Any]]:
    size, start = _varint(page, start)
    row_number, start = _varint(page, start)
    payload = _payload(page, start, size, get_page)
    header_bytes, at = _varint(payload, 0)
    place = header_bytes
    values: list[Any] = []
    while at < header_bytes:
        kind, at = _varint(payload, at)
        value, place = _value(payload, kind, place)
        values.append(value)
    return row_number, values


def _payload(page: bytes, start: int, size: int, get_page: GetPage) -> bytes:
    if size <= _MOST_LOCAL:
        return page[start : start + size]
    if size > _LARGEST:
        raise ValueError("too large to be one")
    local = _LEAST_LOCAL + (size - _LEAST_LOCAL) % (PAGE_BYTES - 4)
    local = local if local <= _MOST_LOCAL else _LEAST_LOCAL
    pieces = [page[start : start + local]]
    (following,) = struct.unpack_from(">I", page, start + local)
    left = size - local
    while left > 0:
        more = get_page(following)
        if not more:
            raise ValueError("the rest is not there")
        pieces.append(more[4 : 4 + left])
        left -= PAGE_BYTES - 4
        (following,) = struct.unpack_from(">I", more)
    return b"".join(pieces)


def _value(payload: bytes, kind: int, place: int) -> tuple[Any, int]:
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    if kind >= 12:
        end = place + (kind - 12) // 2
        raw = payload[place:end]
        if len(raw) != end - place:
            raise ValueError("cut off")
        return (raw.decode() if kind % 2 else raw), end
    end = place + _INTEGER_BYTES.get(kind, PAGE_BYTES)
    if end > len(payload):
        raise ValueError("cut off, or a number that we never store")
    return int.from_bytes(payload[place:end], "big", signed=True), end


def _varint(data: bytes, start: int) -> tuple[int, int]:
    number = 0
    for place in range(8):
        byte = data[start + place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, start + place + 1
    return number << 8 | data[start + 8], start + 9
