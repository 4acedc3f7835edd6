"""The rows that a journal's files hold, whatever has happened to them: a row counts if its checksum is right."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from headwater.journal.carve import GetPage, records, records_anywhere
from headwater.journal.tables import COLUMNS, PAGE_BYTES, checksum
from headwater.journal.wal import Frame, frames

ABOUT_WIDTH = 3  # name, value and checksum


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


class Remains:
    """A damaged journal's file and log. The log is read first: a process that closes moves pages to the file only."""

    def __init__(self, path: Path) -> None:
        self._frames = list(frames(log_of(path)))
        self._whole = {frame.page_number: frame.page for frame in self._frames if frame.is_whole}
        self._file: BinaryIO = (path if path.exists() else Path(os.devnull)).open("rb")
        self._pages = -(-os.fstat(self._file.fileno()).st_size // PAGE_BYTES)

    def close(self) -> None:
        self._file.close()

    def records(self) -> Iterator[list[Any]]:
        """What stands on the pages, as a reader would have found it; what was pruned is zeros."""
        for number in range(1, self._pages + 1):
            if number not in self._whole:
                yield from _right(records(self._in_file(number), self._latest))
        for page in self._whole.values():
            yield from _right(records(page, self._latest))

    def hidden_records(self) -> Iterator[list[Any]]:
        """What stands anywhere, also where no page leads: for rows that are known to be missing."""
        yield from records_in(self._frames, self._in_file)
        for number in range(1, self._pages + 1):
            for get_page in (self._latest, self._in_file):
                yield from _right(records_anywhere(self._in_file(number), get_page))

    def _in_file(self, number: int) -> bytes:
        if not 0 < number <= self._pages:
            return b""
        self._file.seek((number - 1) * PAGE_BYTES)
        return self._file.read(PAGE_BYTES).ljust(PAGE_BYTES, b"\0")

    def _latest(self, number: int) -> bytes:
        return self._whole.get(number) or self._in_file(number)


def records_in(logged: Iterable[Frame], get_page: GetPage) -> Iterator[list[Any]]:
    """What stands in these frames, whole or not; the rest of a long row is in them too, or in the file."""
    logged = list(logged)
    in_frames = {frame.page_number: frame.page for frame in logged}
    for frame in logged:
        yield from _right(
            records_anywhere(frame.page, lambda number: in_frames.get(number) or get_page(number))
        )


def _right(found: Iterable[tuple[int, list[Any]]]) -> Iterator[list[Any]]:
    for row_number, values in found:
        if len(values) == len(COLUMNS) + 1 and values[0] is None:
            values[0] = row_number  # where SQLite keeps an integer primary key
        if len(values) in (len(COLUMNS) + 1, ABOUT_WIDTH) and checksum(tuple(values[:-1])) == values[-1]:
            yield values
