"""Rows for people."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from headwater.cli.frame import counted
from headwater.rows import rows_of
from headwater.values import is_number, texts

MOST_ROWS = 100  # of a printed table
NULL = "∅"
READABLE = 12  # characters that a column gets at least, if it has as many
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def print_table(table: Any) -> None:
    """The first rows, and how many more there are."""
    rows = list(rows_of(table.slice(0, MOST_ROWS), _texts_for_the_eye, NULL))
    print_rows(table.column_names, rows, [is_number(field.type) for field in table.schema])
    if table.num_rows > MOST_ROWS:
        print(f"… and {counted(table.num_rows - MOST_ROWS, 'more row')}: --format csv prints them all")


def _texts_for_the_eye(column: Any) -> list[str | None]:
    found = texts(column)
    if not pa.types.is_timestamp(column.type):
        return found
    return [text and text.replace("T", " ").replace(".000000", "") for text in found]


def print_rows(names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = ()) -> None:
    """On a terminal as wide as it is, elsewhere as wide as the rows, in plain Markdown."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    on_terminal = sys.stdout.isatty()
    console = Console(width=None if on_terminal else 1_000_000, highlight=False)
    fitting, widest = _fit(names, rows, console.width) if on_terminal else (len(names), None)
    grid = Table(box=box.SIMPLE_HEAD if on_terminal else box.MARKDOWN)
    for index, name in enumerate(names[:fitting]):
        right = index < len(numeric) and numeric[index]
        grid.add_column(
            Text(visible(name)), justify="right" if right else "left", no_wrap=on_terminal, max_width=widest
        )
    for row in rows:
        cells = [visible(cell) for cell in row[:fitting]]
        grid.add_row(
            *(Text(cell, style="dim" if cell == NULL else "", overflow="ellipsis") for cell in cells)
        )
    with console.capture() as capture:
        console.print(grid)
    # Rich puts a line of blanks above and below.
    print("\n".join(line.rstrip() for line in capture.get().splitlines()[1:-1]))
    if fitting < len(names):
        print(f"… and {counted(len(names) - fitting, 'more column')}: --format csv prints them all")


def visible(text: str) -> str:
    """No line breaks, and nothing that a terminal would obey."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _fit(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[int, int]:
    """How many columns can be read at this width, and how wide the widest of them may be."""
    wanted = [max([len(name), *(len(row[index]) for row in rows)]) for index, name in enumerate(names)]

    def taken(columns: int, widest: int) -> int:
        return 1 + sum(min(one, widest) + 3 for one in wanted[:columns])

    fitting = len(names)
    while fitting > 1 and taken(fitting, READABLE) > width:
        fitting -= 1
    widest = max(wanted[:fitting], default=READABLE)
    while widest > READABLE and taken(fitting, widest) > width:
        widest -= 1
    return fitting, widest
