"""Cuts the text of a CSV into records, each with its line, and says which of them are none.

A chunk is cut by the column: a line's end counts where the quotes before it are even in number. This holds
only while every quote opens or closes a field; a chunk with a stray one, which turns the rest inside out, is
read record by record."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from headwater.sources.canonical import Heard, unheard
from headwater.sources.lines import CHUNK_BYTES, NOT_UTF8, chunks, ends_of_lines, slices

LONGEST_RECORD = 4 * 2**20
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Header:
    """The column names of a CSV, what parts them, and how many lines they take."""

    names: list[str]
    delimiter: str
    lines: int


@dataclass(frozen=True)
class Records:
    """Well-formed records, with fields by column; and the others, with what is wrong."""

    columns: dict[str, pa.Array]
    numbers: pa.Array
    originals: pa.Array
    bad_numbers: pa.Array
    bad_originals: pa.Array
    bad_details: pa.Array


def records(path: Path, header: Header, size: int = CHUNK_BYTES, heard: Heard = unheard) -> Iterator[Records]:
    """The records behind the header. A record that a chunk's end cuts waits for the next chunk."""
    before, rest = header.lines, b""
    pieces = chunks(path, size, heard)
    text = _behind(next(pieces, b""), header.lines) or next(pieces, b"")
    while text:
        piece = next(pieces, None)
        found, end = _read(text, before, header, is_last=piece is None)
        yield found
        before += text.count(b"\n", 0, end)
        rest = text[end:] if piece is not None else b""
        text = rest + (piece or b"")


def _behind(text: bytes, lines: int) -> bytes:
    place = 0
    for _ in range(lines):
        place = text.find(b"\n", place) + 1
        if not place:
            return b""
    return text[place:]


def _read(text: bytes, before: int, header: Header, is_last: bool) -> tuple[Records, int]:
    """The records in the text, and where the last of them ends."""
    ends = ends_of_lines(text)
    closed = ends if is_last else ends[np.searchsorted(_places(text, b'"'), ends) % 2 == 0]
    if len(closed):
        end = int(closed[-1])
        found = _by_the_column(text[:end], before, header.names, header.delimiter)
        if found:
            return found, end
    return _one_by_one(text, before, header.names, header.delimiter, is_last)


def _places(text: bytes, character: bytes) -> Positions:
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(character))


def _by_the_column(chunk: bytes, before: int, names: list[str], delimiter: str) -> Records | None:
    """None where the chunk needs to be read record by record."""
    quotes = _places(chunk, b'"')
    if _has_stray_quote(chunk, quotes, delimiter) or chunk.count(b"\r") != chunk.count(b"\r\n"):
        return None
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return None
    lines = ends_of_lines(chunk)
    is_end = np.searchsorted(quotes, lines) % 2 == 0
    if not is_end[-1]:
        return None
    ends = lines[is_end]
    splits = _places(chunk, delimiter.encode())
    splits = splits[np.searchsorted(quotes, splits) % 2 == 0]
    fields = np.diff(np.searchsorted(splits, ends), prepend=0) + 1
    raw = slices(chunk, ends).view(pa.string())
    is_filled = pc.match_substring_regex(raw, r"[^ \t\r\n]").to_numpy(zero_copy_only=False)
    is_good = is_filled & (fields == len(names))
    is_bad = is_filled & (fields != len(names))
    spans = np.diff(np.flatnonzero(is_end), prepend=-1)
    if np.any(spans[is_bad] > 1):  # an open quote may have swallowed lines that are sound
        return None
    numbers = before + 1 + np.concatenate(([0], np.flatnonzero(is_end)[:-1] + 1))
    good = raw.filter(pa.array(is_good))
    columns = _parsed(good, names, delimiter, has_quotes=bool(len(quotes)))
    if columns is None:
        return None
    details = [_miscounted(int(found), len(names)) for found in fields[is_bad]]
    return Records(
        columns,
        pa.array(numbers[is_good]),
        good,
        pa.array(numbers[is_bad]),
        raw.filter(pa.array(is_bad)).cast(pa.binary()),
        pa.array(details, pa.string()),
    )


def _has_stray_quote(chunk: bytes, quotes: Positions, delimiter: str) -> bool:
    if len(quotes) % 2:
        return True
    text = np.frombuffer(b"\n" + chunk + b"\n", dtype=np.uint8)
    borders = np.frombuffer(f'"{delimiter}\r\n'.encode(), dtype=np.uint8)
    return not (np.isin(text[quotes[::2]], borders).all() and np.isin(text[quotes[1::2] + 2], borders).all())


def _parsed(good: pa.Array, names: list[str], delimiter: str, has_quotes: bool) -> dict[str, pa.Array] | None:
    if not len(good):
        return {name: pa.array([], pa.string()) for name in names}
    text = _bytes_of(good)
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(text),
            pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=text.size + 1),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
            pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(good):
        return None
    return {name: table[name].combine_chunks() for name in names}


def _bytes_of(texts: pa.Array) -> pa.Buffer:
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)
    return data.slice(int(bounds[0]), int(bounds[len(texts)] - bounds[0]))


def _one_by_one(
    chunk: bytes, before: int, names: list[str], delimiter: str, is_last: bool = True
) -> tuple[Records, int]:
    """A record that cannot be read costs its first line alone: the next line may be sound again."""
    csv.field_size_limit(2**31 - 1)
    raw = re.findall(rb"[^\n]*\n|[^\n]+$", chunk)
    ends = np.cumsum([0, *map(len, raw)])
    lines = [line.decode(errors="backslashreplace") for line in raw]
    torn = {place for place, line in enumerate(raw) if not _is_utf8(line)}
    good: list[tuple[int, str, list[str]]] = []
    bad: list[tuple[int, bytes, str]] = []
    place = 0
    while place < len(lines):
        if not lines[place].strip(" \t\r\n"):
            place += 1
            continue
        reader = csv.reader(islice(lines, place, None), delimiter=delimiter, strict=True)
        used = 1
        try:
            fields = next(reader)
            wrong = None if len(fields) == len(names) else _miscounted(len(fields), len(names))
            used = reader.line_num
        except csv.Error as error:
            wrong = f"not CSV: {error}"
            is_open = place + reader.line_num >= len(lines) and "end of data" in str(error)
            if is_open and not is_last and ends[-1] - ends[place] <= LONGEST_RECORD:
                break
        if not torn.isdisjoint(range(place, place + used)):
            wrong = NOT_UTF8
        if wrong is None:
            good.append((place, "".join(lines[place : place + used]), fields))
            place += used
        else:
            bad.append((place, raw[place], wrong))
            place += 1
    columns = zip(*(fields for _, _, fields in good), strict=True) if good else [[] for _ in names]
    found = Records(
        {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)},
        pa.array([before + 1 + row[0] for row in good], pa.int64()),
        pa.array([row[1] for row in good], pa.string()),
        pa.array([before + 1 + row[0] for row in bad], pa.int64()),
        pa.array([row[1] for row in bad], pa.binary()),
        pa.array([row[2] for row in bad], pa.string()),
    )
    return found, int(ends[place])


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _miscounted(found: int, needed: int) -> str:
    return f"{found} fields where the header has {needed}"
