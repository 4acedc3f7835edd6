"""CSV with canonical names in its header."""

import json
from datetime import datetime
from typing import Any

import pytest

from headwater.errors import SourceError
from headwater.originals import sent
from headwater.sources import csv_file, records
from headwater.sources.read import read_file

NOW = datetime(2026, 6, 1, 12)
HEADER = "event_name,event_timestamp,user_pseudo_id,page_location,colour\n"
GOOD = "page_view,2026-05-01T10:00:00Z,d1,https://a.b/,red\n"


def test_values_and_unknown_columns(write: Any, read: Any) -> None:
    text = "event_name,event_timestamp,user_id,value,params,items,colour,size\n"
    text += 'purchase,1777629600000000,u1,"12.50","{""b"": 1, ""a"": 2}","[{""x"": 1}]",red,\n'
    (event,) = read(write("a.csv", text)).events
    assert str(event["value"]) == "12.500000"
    assert event["params"] == '{"a":2,"b":1,"colour":"red"}'
    assert event["items"] == '[{"x":1}]'
    assert event["user_pseudo_id"] is None


def test_a_csv_and_an_ndjson_of_the_same_event_are_the_same_event(write: Any, read: Any) -> None:
    (one,) = read(write("a.csv", HEADER + GOOD)).events
    keys, values = HEADER.strip().split(","), GOOD.strip().split(",")
    (other,) = read(write("a.ndjson", json.dumps(dict(zip(keys, values, strict=True))))).events
    assert one == other


def test_lines_quotes_and_dirt(write: Any, read: Any) -> None:
    text = HEADER + GOOD
    text += 'page_view,2026-05-01T10:00:00Z,d1,https://a.b/,"two\nlines, ""quoted"""\n'  # lines 3 and 4
    text += "page_view,2026-05-01T10:00:00Z,d1\n"  # 5: too few
    text += "\n"
    text += GOOD.replace("red", "red,green")  # 7: too many
    text += GOOD.replace("2026-05-01T10:00:00Z", "noon")  # 8
    text += GOOD.rstrip("\n")
    found = read(write("a.csv", text))
    assert found.reasons == [(5, "malformed_csv"), (7, "malformed_csv"), (8, "invalid_timestamp")]
    assert [json.loads(event["params"])["colour"] for event in found.events] == [
        *("red", 'two\nlines, "quoted"', "red")
    ]
    assert found.dead_letters[1]["original"] == GOOD.replace("red", "red,green").strip()


@pytest.mark.parametrize(
    "raw",
    [
        b'page_view,2026-05-01T10:00:00Z,"d1,https://a.b/,red\n',  # a quote that never closes
        b'page_view,2026-05-01T10:00:00Z,"d1"x,https://a.b/,red\n',
        b"page_view,2026-05-01T10:00:00Z,\xff,https://a.b/,red\n",
        b"base64:eA==\n",
    ],
)
def test_one_broken_row_costs_no_other(write: Any, read: Any, raw: bytes) -> None:
    quoted = GOOD.replace("red", '"deep, red"').encode()
    found = read(write("a.csv", HEADER.encode() + quoted * 3 + raw + quoted * 3))
    assert found.reasons == [(5, "malformed_csv")]
    assert sent(found.dead_letters[0]["original"]) == raw.strip()
    assert len(found.events) == 6


def test_an_inch_sign_is_text(write: Any, read: Any) -> None:
    found = read(write("a.csv", HEADER + GOOD + GOOD.replace("red", '5" red') + GOOD))
    assert [json.loads(event["params"])["colour"] for event in found.events] == ["red", '5" red', "red"]


def test_both_ways_to_read_a_chunk_agree() -> None:
    text = GOOD + '"a",b,"c\r\nd",,"e ""f"""\r\n' + "too,few\n\n" + "1,2,3,4,5,6\n" + GOOD
    names = HEADER.strip().split(",")
    fast = records._by_the_column(text.encode(), 1, names, ",")
    slow, end = records._one_by_one(text.encode(), 1, names, ",")
    assert end == len(text)
    assert fast is not None
    for name in ("numbers", "originals", "bad_numbers", "bad_originals", "bad_details"):
        assert getattr(fast, name).to_pylist() == getattr(slow, name).to_pylist(), name
    for name in names:
        assert fast.columns[name].to_pylist() == slow.columns[name].to_pylist(), name


def test_small_chunks_change_nothing(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [GOOD.replace("red", f'"{"line" * (place % 9)}\n{place}"') for place in range(100)]
    rows[30], rows[60] = "broken\n", 'also "broken\n'
    path = write("many.csv", HEADER + "".join(rows))

    def everything() -> tuple[list[Any], list[Any]]:
        batches = list(read_file(path, now=NOW))
        events = [event for batch in batches for event in batch.events.to_pylist()]
        return events, [letter for batch in batches for letter in batch.dead_letters.to_pylist()]

    whole = everything()
    assert len(whole[0]) == 98
    assert [letter["line"] for letter in whole[1]] == [62, 121]
    plain = records.chunks
    monkeypatch.setattr(records, "chunks", lambda path, size, heard: plain(path, 700, heard))
    assert everything() == whole


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("event_nam,event_timestamp,user_id", "event_name"),
        ("event_name,time,user_id", "event_timestamp"),
        ("event_name,event_timestamp", "user_pseudo_id"),
        ("event_name,event_timestamp,user_id,user_id", "user_id"),
        ("event_name,event_timestamp,user_id,", "without a name"),
        ("", "empty"),
    ],
)
def test_a_header_that_will_not_do(write: Any, read: Any, header: str, named: str) -> None:
    with pytest.raises(SourceError, match=named):
        read(write("a.csv", header + "\n"))


def test_other_delimiters_and_gzip(write: Any, read: Any) -> None:
    for name, mark in (("a.csv", ";"), ("b.csv.gz", "\t")):
        assert len(read(write(name, (HEADER + GOOD).replace(",", mark))).events) == 1


def test_a_header_alone_has_no_events(write: Any, read: Any) -> None:
    assert read(write("a.csv", HEADER)).events == []
    assert csv_file.header(write("b.csv", "\n" + HEADER)).lines == 2
