"""Rows for programs: CSV for spreadsheets, JSON for scripts."""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from headwater.values import csv_texts, harmless, json_of, json_texts, printable

CHUNK = 65_536


def rows_of(
    table: Any, column_texts: Callable[[Any], list[str | None]], null: str
) -> Iterator[tuple[str, ...]]:
    for batch in printable(table).to_batches(max_chunksize=CHUNK):
        columns = [
            [null if text is None else text for text in column_texts(column)] for column in batch.columns
        ]
        yield from zip(*columns, strict=True)


class _Lines:
    # Python's csv quotes a lone \r only where line ends have one: it is given \r\n and relieved of the \r.
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_csv(table: Any, file: TextIO) -> None:
    """RFC 4180, save that lines end in \\n alone, so that `cut`, `tail` and the shell can read it too."""
    writer = csv.writer(_Lines(file), lineterminator="\r\n")
    writer.writerow([harmless(name) for name in table.column_names])
    writer.writerows(rows_of(table, csv_texts, ""))


def write_json(table: Any, file: TextIO) -> None:
    """An array with one object per line."""
    keys = [json_of(name) for name in _distinct(table.column_names)]
    separator = "[\n"
    for row in rows_of(table, json_texts, "null"):
        file.write(separator + "{" + ", ".join(map(": ".join, zip(keys, row, strict=True))) + "}")
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _distinct(names: Sequence[str]) -> list[str]:
    """`select 1 as a, 2 as a`: the second is a_2, so that no value is lost in an object."""
    seen: list[str] = []
    for name in names:
        number, free = 1, name
        while free in seen:
            number += 1
            free = f"{name}_{number}"
        seen.append(free)
    return seen
