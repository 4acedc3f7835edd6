"""A spreadsheet runs nothing of what an event says."""

import csv
import io

import pytest

from headwater.dashboard.export import as_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_is_a_formula_gets_an_apostrophe(start: str) -> None:
    text = f'{start}HYPERLINK("x")'
    [row] = csv.DictReader(io.StringIO(as_csv([{"campaign": text}]).decode(), newline=""))
    assert row["campaign"] == "'" + text


def test_numbers_and_other_text_are_left_alone() -> None:
    rows = [{"name": 'a-b=c, "d"\nß', "shift": -12.5, "count": 3, "none": None}]
    [row] = csv.DictReader(io.StringIO(as_csv(rows).decode(), newline=""))
    assert row == {"name": 'a-b=c, "d"\nß', "shift": "-12.5", "count": "3", "none": ""}


def test_no_rows_are_no_columns() -> None:
    assert as_csv([]) == b"\r\n"
