"""A text file, gzip or plain, as numbered lines in chunks of bounded size."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import SourceError
from headwater.event import MALFORMED_JSON
from headwater.sources.canonical import Heard, dead_letters, unheard
from headwater.warehouse.protocol import EventBatch

CHUNK_BYTES = 32 * 2**20
NOT_UTF8 = "not UTF-8: the bytes that are not are shown as \\xNN"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Lines:
    """Some consecutive lines: those that are text, without blank ones, and the bytes of those that are not UTF-8."""

    numbers: pa.Array
    texts: pa.Array
    bad_numbers: pa.Array
    bad_originals: pa.Array


def unpacked(path: Path, file: BinaryIO) -> BinaryIO:
    """What an open file holds, behind gzip or not."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.suffix.lower() == ".gz" else file


def chunks(path: Path, size: int = CHUNK_BYTES, heard: Heard = unheard) -> Iterator[bytes]:
    """The file's bytes in pieces that end with a line's end; a piece is as long as its last line needs."""
    try:
        whole = max(path.stat().st_size, 1)
        with path.open("rb") as packed:
            file = unpacked(path, packed)
            head = file.read(len(BYTE_ORDER_MARK))
            rest = b"" if head == BYTE_ORDER_MARK else head
            while read := file.read(size):
                heard(packed.tell() / whole)
                end = read.rfind(b"\n") + 1
                if end:
                    yield rest + read[:end]
                    rest = read[end:]
                else:
                    rest += read
            if rest:
                yield rest
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path} is not a whole gzip file ({error}): copy or export it again.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error


def lines(path: Path, size: int = CHUNK_BYTES, heard: Heard = unheard) -> Iterator[Lines]:
    before = 0
    for chunk in chunks(path, size, heard):
        yield numbered(chunk, before)
        before += chunk.count(b"\n")


def numbered(chunk: bytes, before: int) -> Lines:
    """The lines of a chunk that `before` lines went ahead of."""
    raw = slices(chunk, ends_of_lines(chunk))
    numbers = pa.array(np.arange(before + 1, before + 1 + len(raw), dtype=np.int64))
    nothing = pa.array([], pa.int64()), pa.array([], pa.binary())
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return _sorted_out(raw, numbers)
    texts = raw.view(pa.string())
    filled = pc.match_substring_regex(texts, r"[^ \t\r\n]")
    if not pc.all(filled).as_py():
        numbers, texts = numbers.filter(filled), texts.filter(filled)
    return Lines(numbers, texts, *nothing)


def ends_of_lines(chunk: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n")) + 1
    return ends if len(ends) and ends[-1] == len(chunk) else np.append(ends, len(chunk))


def slices(chunk: bytes, ends: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    """The chunk cut after each end, without copying."""
    offsets = np.concatenate(([0], ends)).astype(np.int64)
    cut = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(chunk)]
    )
    return cut.cast(pa.binary())


def _sorted_out(raw: pa.Array, numbers: pa.Array) -> Lines:
    """A chunk that is not all UTF-8: line by line, so that one bad line costs no other."""
    good: list[tuple[int, str]] = []
    bad: list[tuple[int, bytes]] = []
    for number, line in zip(numbers.to_pylist(), raw.to_pylist(), strict=True):
        try:
            text = line.decode()
            if text.strip(" \t\r\n"):
                good.append((number, text))
        except UnicodeDecodeError:
            bad.append((number, line.rstrip(b"\r\n")))
    columns = [
        pa.array([row[place] for row in rows], kind)
        for rows, text in ((good, pa.string()), (bad, pa.binary()))
        for place, kind in ((0, pa.int64()), (1, text))
    ]
    return Lines(*columns)


def with_torn_lines(batch: EventBatch, chunk: Lines, origin: str) -> EventBatch:
    """The batch with the chunk's lines that are not text among its dead letters."""
    count = len(chunk.bad_numbers)
    if not count:
        return batch
    torn = {
        "line": chunk.bad_numbers,
        "reason": pa.array([MALFORMED_JSON] * count, pa.string()),
        "detail": pa.array([NOT_UTF8] * count, pa.string()),
        "original": chunk.bad_originals,
    }
    return EventBatch(
        batch.events, pa.concat_tables([batch.dead_letters, dead_letters(origin, pa.table(torn))])
    )
