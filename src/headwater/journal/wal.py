"""SQLite's log, read without SQLite: it stops at the first damaged frame, and whole ones may follow.

The format is https://www.sqlite.org/fileformat2.html#the_write_ahead_log. Each frame's checksum goes on from the one
before it, as it is written there, so a frame can be judged by itself and its neighbour."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from headwater.journal.tables import PAGE_BYTES

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page number, pages after commit or 0, two salts, two checksums
_MAGIC = 0x377F0682  # with checksums over little-endian words; one more: big-endian
_STEP = _FRAME.size + PAGE_BYTES


@dataclass(frozen=True)
class Frame:
    page_number: int
    page: bytes
    is_commit: bool
    is_whole: bool
    is_seen: bool  # by SQLite: it and all before it are whole


def frames(path: Path) -> Iterator[Frame]:
    """All frames of the log's present turn, damaged ones too; older turns have other salts."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < _HEADER.size:
        return
    magic, _, page_bytes, _, *salts, first, second = _HEADER.unpack_from(data)
    order = ">u4" if magic == _MAGIC + 1 else "<u4"
    is_seen = (
        magic in (_MAGIC, _MAGIC + 1)
        and page_bytes == PAGE_BYTES
        and _checksum(data[:24], (0, 0), order) == (first, second)
    )
    if not is_seen and len(data) >= _HEADER.size + _FRAME.size:
        salts = list(_FRAME.unpack_from(data, _HEADER.size)[2:4])
    before = (first, second)
    start = _HEADER.size
    waiting: list[Frame] = []  # of other salts: damaged if frames of ours follow, of an older turn if none do
    while start < len(data):
        raw = data[start : start + _STEP].ljust(_STEP, b"\0")
        number, pages, *rest = _FRAME.unpack_from(raw)
        page = raw[_FRAME.size :]
        is_whole = (
            number > 0
            and start + _STEP <= len(data)
            and rest[:2] == salts
            and _checksum(raw[:8] + page, before, order) == tuple(rest[2:])
        )
        is_seen = is_seen and is_whole
        frame = Frame(number, page, pages > 0, is_whole, is_seen)
        if rest[:2] == salts:
            yield from waiting
            waiting.clear()
            yield frame
        else:
            waiting.append(frame)
        before = (rest[2], rest[3])
        start += _STEP


def unseen(path: Path) -> list[Frame]:
    """What SQLite will forget: all behind the last commit before which everything is whole."""
    found = list(frames(path))
    last = max((place for place, frame in enumerate(found) if frame.is_seen and frame.is_commit), default=-1)
    return found[last + 1 :]


def _checksum(data: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    """SQLite's running sum, for each pair of words: s0 += x0 + s1; s1 += x1 + s0. As a sum of products it is quick."""
    words = np.frombuffer(data, dtype=order).astype(np.uint32)
    weights, carry = _weights(len(words) // 2)
    sums = (weights * words).sum(axis=1, dtype=np.uint32) + (carry * np.array(before, np.uint32)).sum(
        axis=1, dtype=np.uint32
    )
    return int(sums[0]), int(sums[1])


@cache
def _weights(pairs: int) -> tuple[Any, Any]:
    """What each word, and each of the two sums before, counts in the two sums after; modulo 2^32."""
    power = [[1, 0], [0, 1]]
    columns: list[tuple[int, int]] = []
    for _ in range(pairs):
        (a, b), (c, d) = power
        columns += [(b, d), ((a + b), (c + d))]  # second word of the pair, then the first: from the end
        power = [[(a + b) % 2**32, (a + 2 * b) % 2**32], [(c + d) % 2**32, (c + 2 * d) % 2**32]]
    weights = np.array([[value % 2**32 for value in column] for column in reversed(columns)], np.uint32)
    return np.ascontiguousarray(weights.T), np.array(power, np.uint32)
