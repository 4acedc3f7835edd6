import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from headwater.classify import classify_csv
from headwater.errors import SourceError


@dataclass
class Own:
    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


def classified(text: str, **options: object) -> str:
    out = io.StringIO()
    classify_csv(io.StringIO(text, newline=""), out, **options)  # type: ignore[arg-type]
    return out.getvalue()


def test_the_channel_comes_after_the_columns_as_they_were() -> None:
    text = 'Campaign,note,SOURCE,medium\nspring,"a, ""b""\nc",google,cpc\n,=1+1,,\n'
    assert classified(text) == (
        'Campaign,note,SOURCE,medium,channel\nspring,"a, ""b""\nc",google,cpc,Paid Search\n,=1+1,,,Direct\n'
    )


def test_explain_adds_the_rule_and_why() -> None:
    (row,) = csv.DictReader(
        io.StringIO(classified("source,medium,campaign\nbing,organic,\n", explain=True, group="simple"))
    )
    assert row["channel"] == "Organic Search"
    assert (row["rule"], row["why"]) == ("organic-search-site", "a search site")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_out_of_excel_is_read(tmp_path: Path, delimiter: str) -> None:
    path, out = tmp_path / "tags.csv", io.StringIO()
    rows = ["utm_source|utm_medium|utm_campaign", "m.facebook.com|paid,social|", "google", ""]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(
        row.replace("paid,social", '"paid,social"').replace("|", delimiter) for row in rows
    ).encode())  # fmt: skip
    counts = classify_csv(path, out)
    assert counts == {"Paid Social": 1, "Organic Search": 1}
    assert out.getvalue().splitlines()[2] == delimiter.join(["google", "", "", "Organic Search"])


def test_a_plain_column_goes_before_its_utm_one_and_a_bom_on_a_pipe_is_dropped() -> None:
    text = "\ufeffsource,utm_source,medium,campaign\nnewsletter,bing,email,\n"
    assert classified(text).splitlines()[1].endswith(",Email")


def test_own_rules_hold_on_the_day_asked_for() -> None:
    own = [Own("Fair", source="stand-.*", valid_from=date(2026, 5, 1), valid_to=date(2026, 5, 3))]
    text = "source,medium,campaign\nSTAND-4,qr,\n"
    during = classified(text, custom_rules=own, on=date(2026, 5, 3), explain=True)
    why = "your own rule 1: source matches stand-.*, from 2026-05-01, until 2026-05-03"
    assert during.splitlines()[1] == f'STAND-4,qr,,Fair,custom-1,"{why}"'
    assert classified(text, custom_rules=own, on=date(2026, 5, 4)).splitlines()[1] == "STAND-4,qr,,Unassigned"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the input has no header"),
        (
            "source,medium\na,b\n",
            "no column campaign (it has: source, medium); add or rename it to campaign or",
        ),
        ("a;b\n1;2\n", "no column source and no column medium and no column campaign (it has: a, b)"),
        ("source,medium,campaign\na,b,c\na,b,c,d\n", "line 3 of the input has 4 cells and the header 3"),
        ("source,medium,campaign,Channel\n", "already has a column channel"),
        ("source,medium,campaign\n" + "a" * 200_000, "is not a readable CSV"),
    ],
)
def test_a_file_that_cannot_be_classified_says_what_to_do(text: str, says: str) -> None:
    csv.field_size_limit(131_072)  # loading events raises it for the whole process
    with pytest.raises(SourceError) as refused:
        classified(text)
    assert says in str(refused.value)


def test_a_file_in_another_encoding_or_not_there_says_so(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("source,medium,campaign\nmüller,a,b\n".encode("latin-1"))
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        classify_csv(latin, io.StringIO())
    with pytest.raises(SourceError, match="cannot be read"):
        classify_csv(tmp_path / "absent.csv", io.StringIO())


def test_rows_are_written_as_they_are_read() -> None:
    out = io.StringIO()

    def endless():  # type: ignore[no-untyped-def]
        yield "source,medium,campaign\n"
        for number in range(3):
            assert out.getvalue().count("\n") >= number
            yield f"google,cpc,{number}\n"

    classify_csv(endless(), out)
    assert out.getvalue().count("Paid Search") == 3
