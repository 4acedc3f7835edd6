"""Rows as a table, as CSV and as JSON."""

import csv
import io
import json
import re
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.cli.render import MOST_ROWS, print_table
from headwater.rows import write_csv, write_json

MOMENT = datetime(2026, 5, 1, 10)
# type, value, text in CSV, text in JSON
VALUES: list[tuple[Any, Any, str, str]] = [
    (pa.int64(), -9007199254740993, "-9007199254740993", "-9007199254740993"),
    (pa.uint64(), 18446744073709551615, "18446744073709551615", "18446744073709551615"),
    (pa.float64(), 0.1, "0.1", "0.1"),
    (pa.float64(), float("nan"), "NaN", '"NaN"'),
    (pa.float64(), float("-inf"), "-Infinity", '"-Infinity"'),
    (pa.decimal128(18, 6), Decimal("-1.500000"), "-1.5", "-1.5"),
    (pa.decimal128(18, 2), Decimal("100.00"), "100", "100"),
    (pa.decimal128(38, 9), Decimal("1E-9"), "0.000000001", "0.000000001"),
    (pa.decimal128(38, 0), Decimal(10**37), "1" + "0" * 37, "1" + "0" * 37),
    (pa.string(), 'a"b,c', '"a""b,c"', '"a\\"b,c"'),
    (pa.string(), "é\n", '"é\n"', '"é\\n"'),
    (pa.bool_(), True, "true", "true"),
    (pa.bool_(), False, "false", "false"),
    (pa.timestamp("us"), MOMENT, "2026-05-01T10:00:00.000000", '"2026-05-01T10:00:00.000000"'),
    (pa.timestamp("s"), MOMENT, "2026-05-01T10:00:00.000000", '"2026-05-01T10:00:00.000000"'),
    (
        pa.timestamp("ns"),
        MOMENT.replace(microsecond=7),
        "2026-05-01T10:00:00.000007",
        '"2026-05-01T10:00:00.000007"',
    ),
    (
        pa.timestamp("us", "Europe/Berlin"),
        MOMENT.replace(tzinfo=UTC),
        "2026-05-01T10:00:00.000000Z",
        '"2026-05-01T10:00:00.000000Z"',
    ),
    (pa.date32(), date(2026, 5, 1), "2026-05-01", '"2026-05-01"'),
    (pa.time64("us"), time(10), "10:00:00.000000", '"10:00:00.000000"'),
    (pa.binary(), b"\xab\x00", "ab00", '"ab00"'),
    (pa.list_(pa.int64()), [1, None], '"[1, null]"', "[1, null]"),
    (
        pa.struct([("a", pa.decimal128(3, 2)), ("b", pa.string())]),
        {"a": Decimal("1.10"), "b": 'x"'},
        '"{""a"": 1.1, ""b"": ""x\\""""}"',
        '{"a": 1.1, "b": "x\\""}',
    ),
    (pa.dictionary(pa.int8(), pa.string()), "a", "a", '"a"'),
    (pa.null(), None, "", "null"),
    (pa.string(), None, "", "null"),
    (pa.int64(), None, "", "null"),
]


def as_csv(table: Any) -> str:
    file = io.StringIO()
    write_csv(table, file)
    return file.getvalue()


def as_json(table: Any) -> str:
    file = io.StringIO()
    write_json(table, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "value", "in_csv", "in_json"), VALUES, ids=[f"{v[0]} {v[1]}" for v in VALUES]
)
def test_every_type(kind: Any, value: Any, in_csv: str, in_json: str) -> None:
    table = pa.table({"before": [1], "x": pa.array([value], kind)})
    assert as_csv(table) == f"before,x\n1,{in_csv}\n"
    assert as_json(table) == f'[\n{{"before": 1, "x": {in_json}}}\n]\n'


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])) | st.none(),
            st.integers(-(2**63), 2**63 - 1) | st.none(),
            st.decimals(-(10**11), 10**11, places=6, allow_nan=False) | st.none(),
        )
    )
)
def test_json_comes_back_as_it_went(rows: list[tuple[Any, ...]]) -> None:
    kinds = [("text", pa.string()), ("whole", pa.int64()), ("exact", pa.decimal128(18, 6))]
    table = pa.table(
        [pa.array([row[i] for row in rows], kind) for i, (_, kind) in enumerate(kinds)], pa.schema(kinds)
    )
    back = json.loads(as_json(table), parse_float=Decimal)
    assert [tuple(row.values()) for row in back] == rows


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_csv_comes_back_and_no_cell_is_a_formula(cells: list[str]) -> None:
    header, *rows = csv.reader(
        io.StringIO(as_csv(pa.table({"a": cells, "n": [-1] * len(cells)})), newline="")
    )
    assert header == ["a", "n"]
    assert [number for _, number in rows] == ["-1"] * len(cells)
    for (shown, _), cell in zip(rows, cells, strict=True):
        assert shown in (cell, f"'{cell}")
        assert shown[:1] not in tuple("=@\t\r")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|x", "'+cmd|x"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", '"\'\r=1"'),
        ("-5.20", "-5.20"),
        ("+49", "+49"),
        ("a=1", "a=1"),
        ("", '""'),
    ],
)
def test_formulas_are_made_harmless_and_numbers_left(cell: str, shown: str) -> None:
    assert as_csv(pa.table({"a": [cell]})) == f"a\n{shown}\n"


def test_a_column_name_is_a_cell_too() -> None:
    assert as_csv(pa.table({"=x": [1]})) == "'=x\n1\n"


def test_equal_names_lose_no_value_in_json() -> None:
    table = pa.table([[1], [2], [3]], ["a", "a", "a_2"])
    assert json.loads(as_json(table)) == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_no_rows() -> None:
    empty = pa.table({"a": pa.array([], pa.int64())})
    assert as_csv(empty) == "a\n"
    assert json.loads(as_json(empty)) == []


def test_a_table_elsewhere_than_on_a_terminal_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        pa.table(
            {
                "name": ["x" * 300, "[bold]b[/]\x1b[31m\n", None],
                "value": pa.array([Decimal("1.50"), Decimal("1000"), None], pa.decimal128(9, 2)),
                "at": pa.array([MOMENT, MOMENT.replace(microsecond=5), None], pa.timestamp("us")),
            }
        )
    )
    header, _, first, second, third = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["name", "value", "at"]
    assert first.endswith(f"{'x' * 300} |   1.5 | 2026-05-01 10:00:00        |")
    assert "| [bold]b[/]\\x1b[31m\\n " in second
    assert second.endswith("|  1000 | 2026-05-01 10:00:00.000005 |")
    assert third.split() == ["|", "∅", "|", "∅", "|", "∅", "|"]


def test_a_long_table_says_how_much_more_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(pa.table({"a": range(MOST_ROWS + 123)}))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MOST_ROWS + 3
    assert lines[-1] == "… and 123 more rows: --format csv prints them all"


def test_a_terminal_gets_what_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    print_table(pa.table({f"column_{i}": ["y" * 30] for i in range(6)} | {"short": [1]}))
    *grid, note = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert all(len(line) <= 60 for line in grid)
    assert "yyyyyyyyyyy…" in grid[-1]
    assert note == "… and 4 more columns: --format csv prints them all"
