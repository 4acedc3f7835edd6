"""NDJSON in canonical keys: what is taken, what is refused, and with which line."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater.originals import sent
from headwater.sources import lines
from headwater.sources.read import read_file

NOW = datetime(2026, 6, 1, 12)
GOOD = {"event_name": "page_view", "event_timestamp": "2026-05-01T10:00:00Z", "user_pseudo_id": "d1"}


@pytest.fixture
def one(write: Any, read: Any) -> Callable[..., dict[str, Any]]:
    def one(**change: Any) -> dict[str, Any]:
        found = read(write("one.ndjson", json.dumps({**GOOD, **change})))
        assert found.dead_letters == []
        (event,) = found.events
        return event

    return one


def test_an_event_of_few_keys(one: Any) -> None:
    event = one()
    assert event["event_timestamp"] == datetime(2026, 5, 1, 10)
    assert (event["stream_id"], event["source_kind"]) == ("default", "file")
    assert (event["value"], event["params"], event["received_at"]) == (Decimal(0), None, NOW)
    assert len(event["event_id"]) == 64
    assert event["device_id"] == "d1"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"ga_session_id": "12.0"}, {"ga_session_id": 12}),
        ({"value": 12.5}, {"value": Decimal("12.5")}),
        ({"value": "12.3456785"}, {"value": Decimal("12.345679")}),
        ({"value": float("nan")}, {"value": Decimal(0)}),
        ({"transaction_id": "(not set)", "currency": ""}, {"transaction_id": None, "currency": None}),
        ({"event_id": "", "stream_id": ""}, {"stream_id": "default"}),
        ({"event_id": "mine"}, {"event_id": "mine"}),
        ({"event_timestamp": 1777629600000000}, {"event_timestamp": datetime(2026, 5, 1, 10)}),
        ({"event_timestamp": "1777629600000000"}, {"event_timestamp": datetime(2026, 5, 1, 10)}),
        ({"event_timestamp": "2026-05-01T10:00+02:00"}, {"event_timestamp": datetime(2026, 5, 1, 8)}),
        ({"received_at": "2026-05-02T00:00:00Z"}, {"received_at": datetime(2026, 5, 2)}),
        ({"received_at": "soon"}, {"received_at": NOW}),
        ({"source_kind": "export_daily"}, {"source_kind": "export_daily"}),
        ({"user_pseudo_id": "", "user_id": "u"}, {"user_pseudo_id": None, "device_id": "user:u"}),
        ({"user_pseudo_id": None, "ga_session_id": 7}, {"device_id": "session:7"}),
        ({"items": [{"b": 1, "a": "x"}]}, {"items": '[{"b":1,"a":"x"}]'}),
        ({"params": {"session_engaged": 1}}, {"is_engaged": True}),
        ({"params": {"session_engaged": "0"}}, {"is_engaged": False}),
        (
            {"params": {"b": 1, "a": None}, "colour": "red", "size": None},
            {"params": '{"a":null,"b":1,"colour":"red"}'},
        ),
        ({"params": {"colour": "blue"}, "colour": "red"}, {"params": '{"colour":"blue"}'}),
        (
            {"params": {"z": {"y": 1, "x": [{"b": 1, "a": 2}]}}},
            {"params": '{"z":{"x":[{"a":2,"b":1}],"y":1}}'},
        ),
        ({"params": '{"a": 1}'}, {"params": '{"a":1}'}),
        ({"params": {"n": 1e16, "m": 1e-5, "o": 12345678901234567890123}}, None),
        ({"params": {"s": 'q"\\\n\x1fé'}}, None),
    ],
)
def test_what_is_stored(one: Any, given: dict[str, Any], stored: dict[str, Any] | None) -> None:
    event = one(**given)
    if stored is None:
        assert json.loads(event["params"]) == given["params"]
    else:
        assert {name: event[name] for name in stored} == stored


@pytest.mark.parametrize(
    ("given", "block"),
    [
        (
            {"source": " Google ", "medium": "CPC", "campaign": " Spring Sale "},
            ("google", "cpc", "Spring Sale"),
        ),
        ({"source": "(not set)", "medium": "(Data Deleted)", "campaign": ""}, (None, None, None)),
        ({"source": "(direct)", "medium": "(none)"}, ("(direct)", "(none)", None)),
        ({"medium": "email", "params": {"source": "x", "campaign": "y"}}, (None, "email", None)),
        ({"params": {"source": "News", "medium": 7}}, ("news", "7", None)),
        ({"page_location": "https://a.b/?utm_source=G+oo%20&utm_campaign=%C3%A9"}, ("g oo", None, "é")),
        ({"page_location": "https://a.b/#x?utm_source=g"}, (None, None, None)),
        ({"page_location": "https://a.b/?q=1#utm_source=g"}, (None, None, None)),
        ({"page_location": "https://a.b/?utm_source=g", "batch_ordering_id": 1}, ("g", None, None)),
        ({"page_location": "https://a.b/?utm_source=g", "batch_ordering_id": 2}, (None, None, None)),
        ({"page_location": "https://a.b/?utm_source=g", "params": {"medium": "m"}}, (None, "m", None)),
        ({"page_location": "https://a.b/?utm_source=%FF&utm_medium=%00"}, ("%ff", "%00", None)),
    ],
)
def test_the_block_comes_whole_from_the_first_place(
    one: Any, given: dict[str, Any], block: tuple[str, ...]
) -> None:
    event = one(**given)
    assert (event["source"], event["medium"], event["campaign"]) == block


@pytest.mark.parametrize(
    ("given", "gclid", "is_tagged"),
    [
        ({"gclid": "c", "params": {"gclid": "p"}, "page_location": "https://a.b/?gclid=q"}, "c", True),
        ({"params": {"gclid": "p"}, "page_location": "https://a.b/?gclid=q"}, "p", True),
        ({"page_location": "https://a.b/?x=1&gclid=q"}, "q", True),
        ({"page_location": "https://a.b/?xgclid=q"}, None, False),
        ({"page_location": "https://a.b/?gclid=q", "batch_ordering_id": 2}, None, True),
        ({"page_location": "https://a.b/?gclid="}, None, False),
    ],
)
def test_click_ids_and_tagged_pages(
    one: Any, given: dict[str, Any], gclid: str | None, is_tagged: bool
) -> None:
    event = one(**given)
    assert (event["gclid"], event["page_is_tagged"]) == (gclid, is_tagged)


def test_domains(one: Any) -> None:
    event = one(
        page_location="https://www.shop.example.co.uk/x?y",
        page_referrer="https://mail.google.com/",
        source="news.example.org",
        first_user_source="Bing",
    )
    assert event["page_domain"] == "example.co.uk"
    assert (event["referrer_host"], event["referrer_domain"]) == ("mail.google.com", "google.com")
    assert (event["source_domain"], event["first_user_domain"]) == ("example.org", None)


def test_bad_lines_are_dead_letters_with_their_line_and_the_others_land(write: Any, read: Any) -> None:
    good = json.dumps(GOOD).encode()
    lines = [good, b"{", b"", b"[1]", b"  ", b'{"a": "\xff"}', good + b"\r"]
    lines += [b'{"event_name": "a", "event_name": "b"}', b'{"event_name": "x\\u0000"}', good]
    found = read(write("dirt.ndjson", b"\n".join(lines)))
    assert len(found.events) == 3
    assert found.reasons == [
        (2, "malformed_json"),
        (4, "malformed_json"),
        (6, "malformed_json"),
        (8, "malformed_json"),
        (9, "nul_character"),
    ]
    assert [sent(letter["original"]) for letter in found.dead_letters] == [
        *(
            b"{",
            b"[1]",
            b'{"a": "\xff"}',
            b'{"event_name": "a", "event_name": "b"}',
            b'{"event_name": "x\\u0000"}',
        )
    ]
    assert {letter["origin"] for letter in found.dead_letters} == {"here"}


def test_a_refusal_names_the_field(write: Any, read: Any) -> None:
    (letter,) = read(write("bad.ndjson", json.dumps({**GOOD, "batch_page_id": "abc"}))).dead_letters
    assert letter["reason"] == "invalid_number"
    assert "batch_page_id" in letter["detail"]
    assert "abc" in letter["detail"]
    assert json.loads(letter["original"])["batch_page_id"] == "abc"


def test_gzip_and_byte_order_mark(write: Any, read: Any) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode()
    assert len(read(write("a.jsonl.gz", content)).events) == 2


def test_small_chunks_change_nothing(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [json.dumps({**GOOD, "user_pseudo_id": "ü" * (place % 50)}) for place in range(200)]
    path = write("many.ndjson", "\n".join(rows))

    def everything() -> tuple[list[Any], list[Any]]:
        batches = list(read_file(path, now=NOW))
        events = [event for batch in batches for event in batch.events.to_pylist()]
        return events, [letter for batch in batches for letter in batch.dead_letters.to_pylist()]

    whole = everything()
    assert [letter["line"] for letter in whole[1]] == [1, 51, 101, 151]
    plain = lines.chunks
    monkeypatch.setattr(lines, "chunks", lambda path, size, heard: plain(path, 1_000, heard))
    assert everything() == whole


def test_memory_is_bounded_by_the_chunk(write: Any) -> None:
    path: Path = write("big.ndjson", (json.dumps(GOOD) + "\n") * 5_000)
    sizes = [len(chunk) for chunk in lines.chunks(path, 10_000)]
    assert max(sizes) < 11_000
    assert sum(sizes) == path.stat().st_size
