"""Loose events through the door, and what it writes through the columnar reader: both must say the same."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater import event
from headwater.collect import json_parts
from headwater.collect.canon import Receipt, arrival
from headwater.collect.privacy import Device
from headwater.collect.same_event import same_event
from headwater.journal.arrival import Arrival
from headwater.sources.read import read_file

NOW = datetime(2026, 6, 1, 12)
MICROS = (NOW - datetime(1970, 1, 1)) // timedelta(microseconds=1)
FOREVER = 10**18
RECEIPT = Receipt("/v1/events", MICROS, FOREVER)
GOOD = {"event_name": "page_view", "event_timestamp": "2026-06-01T10:00:00Z", "user_pseudo_id": "d1"}
many_at_once = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def through_the_door(loose: dict[str, Any], receipt: Receipt = RECEIPT, **how: Any) -> Arrival:
    raw = json.dumps(loose).encode()
    return arrival(json_parts.object_of(raw), receipt, original=raw, position=1, **how)


def by_the_column(lines: list[bytes]) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Rows and refusals by line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        batches = list(read_file(path, "ndjson", now=NOW))
    letters = [row for batch in batches for row in batch.dead_letters.to_pylist()]
    refused = {letter["line"]: letter["reason"] for letter in letters}
    rows = [row for batch in batches for row in batch.events.to_pylist()]
    taken = [line for line in range(1, len(lines) + 1) if line not in refused]
    return dict(zip(taken, rows, strict=True)), refused


texts = st.text(max_size=12) | st.sampled_from(
    ["", "a\\u0000b", "a\0b", 'é\n\t"\\/', "\x7f\x1f", "(not set)", "😀"]
)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1e16, 1e22, 1e-5, 0.0001, 123456789012345678901234567890, 2**64, -(2**63)])
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2026, 7, 1)).map(
    datetime.isoformat
) | st.sampled_from(
    [
        *(1777629600000000, "1777629600000000", 1777629600000000.0, "2026-05-01T10:00:00-02:30", True),
        *("2026-06-01T12:10:00Z", "2026-06-01T12:10:00.000001Z", "", None, 10**30, "-5", "2026-05-01T10:00"),
        "noon",
    ]
)
amounts = (
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**13), max_value=10**13).map(str)
    | numbers
    | st.sampled_from(["12.5", "NaN", "", "1.0000005", "abc", " 5", "1_000", "Infinity", "1e3", None])
)
# beyond 2^53 a fraction in a column of whole numbers is no number that anyone meant
wholes = (
    st.integers()
    | st.floats(-(2.0**53), 2.0**53)
    | st.integers(0, 100).map(str)
    | st.sampled_from(["12.0", "12.5", "abc", "", None])
)
loose_events = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["page_view", "purchase", "", 7]) | texts, "event_timestamp": moments},
    optional={
        "user_pseudo_id": texts | st.none() | st.just("d1"),
        "user_id": texts,
        "ga_session_id": wholes,
        "batch_page_id": wholes,
        "batch_event_index": wholes,
        "stream_id": texts,
        "source_kind": st.sampled_from([*event.SOURCE_KINDS, "", "nightly", None]),
        "page_location": texts | st.just("https://a.example/?q=joe@example.com&gclid=x"),
        "source": texts | st.sampled_from([7, 7.5, True, ["a"]]),
        "gclid": texts,
        "value": amounts,
        "transaction_id": texts,
        "currency": st.sampled_from(["EUR", "", "(not set)", "(Not Set)"]),
        "items": st.lists(st.dictionaries(texts, json_values, max_size=2), max_size=2) | json_values,
        "params": st.dictionaries(texts, json_values, max_size=5)
        | st.fixed_dictionaries({"_export": st.integers(), "a": json_values})
        | json_values,
        "colour": json_values,
        "event_id": texts,
    },
)


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=60))
def test_the_door_refuses_what_the_reader_refuses(events: list[dict[str, Any]]) -> None:
    arrivals = [through_the_door(one) for one in events]
    _, refused = by_the_column([json.dumps(one).encode() for one in events])
    assert {line: one.reason for line, one in enumerate(arrivals, start=1) if one.reason} == refused
    assert all(
        one.body == json.dumps(event).encode()
        for one, event in zip(arrivals, events, strict=True)
        if one.reason
    )


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=60), st.booleans())
def test_the_reader_takes_what_the_door_wrote_under_the_same_id(
    events: list[dict[str, Any]], is_seen: bool
) -> None:
    receipt = Receipt("/", MICROS, FOREVER, True, Device("mobile", True) if is_seen else Device())
    events = [{name: value for name, value in one.items() if name != "event_id"} for one in events]
    taken = [one for one in (through_the_door(event, receipt) for event in events) if not one.reason]
    bodies = [json.loads(one.body) for one in taken]
    rows, refused = by_the_column(
        [json.dumps({k: v for k, v in body.items() if k != "event_id"}).encode() for body in bodies]
    )
    assert refused == {}
    for body, row in zip(bodies, rows.values(), strict=True):
        assert body["event_id"] == row["event_id"]
        assert row["source_kind"] == body["source_kind"] == "stream"
        assert body["received_at"] == MICROS
        assert row["received_at"] == NOW


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=60))
def test_a_row_says_the_same_with_and_without_the_door(events: list[dict[str, Any]]) -> None:
    """But for e-mail addresses, which the door takes out."""
    receipt = Receipt("/", MICROS, FOREVER, redacts_emails=False)
    arrivals = [through_the_door(one, receipt) for one in events]
    plain, _ = by_the_column([json.dumps(one).encode() for one in events])
    behind, _ = by_the_column([one.body for one in arrivals if not one.reason])
    for before, after in zip(plain.values(), behind.values(), strict=True):
        for name in ("items", "params"):
            before[name] = before[name] and event.canonical_json(json.loads(before[name]))
            after[name] = after[name] and event.canonical_json(json.loads(after[name]))
        for name in ("source_kind", "payload_hash"):  # items' spelling is part of the hash
            before[name] = after[name] = None
        assert before == after


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=40))
def test_a_payload_is_the_same_where_the_event_is(events: list[dict[str, Any]]) -> None:
    for one in events:
        first = through_the_door(one)
        if first.reason:
            continue
        again = through_the_door(dict(reversed(one.items())), Receipt("/", MICROS + 1, FOREVER))
        assert (again.key, again.payload) == (first.key, first.payload)
        assert same_event(first.body, again.body)
        changed = through_the_door({**one, "page_referrer": "https://other.example/"})
        assert changed.payload != first.payload
        assert not same_event(first.body, changed.body)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"ga_session_id": 1}, {"ga_session_id": "1"}, True),
        ({"ga_session_id": 1}, {"ga_session_id": 1.0}, True),
        ({"value": 1}, {"value": "1.0"}, True),
        ({}, {"value": 0}, True),
        ({"currency": "(not set)"}, {}, True),
        ({"stream_id": "default"}, {}, True),
        ({"event_timestamp": "2026-06-01T10:00:00Z"}, {"event_timestamp": 1780308000000000}, True),
        ({"params": {"a": 1, "b": 2}}, {"params": {"b": 2, "a": 1}}, True),
        ({"params": {"a": 1}}, {"a": 1}, True),
        ({"items": [{"a": 1, "b": 2}]}, {"items": [{"b": 2, "a": 1}]}, True),
        ({"params": {"a": 1}}, {"params": {"a": 2}}, False),
        ({"items": [{"a": 1}]}, {"items": [{"a": 2}]}, False),
        ({"value": 1}, {"value": 2}, False),
        ({"source": "a"}, {"source": "b"}, False),
    ],
)
def test_what_is_the_same_event(one: dict[str, Any], other: dict[str, Any], is_same: bool) -> None:
    first, second = (through_the_door({**GOOD, "event_id": "e", **change}) for change in (one, other))
    assert first.key == second.key
    assert (first.payload == second.payload) is is_same
    assert same_event(first.body, second.body) is is_same


def test_bodies_of_another_hand_are_compared_by_what_they_say() -> None:
    ours = through_the_door({**GOOD, "ga_session_id": 7, "value": 12.5}).body
    theirs = json.dumps(
        {**GOOD, "ga_session_id": "7", "value": "12.50", "event_id": "x", "currency": ""}
    ).encode()
    assert same_event(theirs, ours)
    assert same_event(theirs.replace(b'"7"', b"7.0"), ours)
    assert not same_event(theirs.replace(b"12.50", b"12.51"), ours)


@pytest.mark.parametrize(
    "params",
    [
        {"n": 1e16, "m": 1e-5, "o": -0.0, "p": 123456789012345678901234567890, "q": 12.5},
        {"n": float("nan"), "m": float("inf")},
        {"é": "é", "😀": "\x7f\x1f", "\uffff": None, "a": True},
        {"b": {"d": 1, "c": [1e16]}, "a": "x"},
        {"_export": {"x": 1}, "a": 1},
        {"_export": {"x": 1}},
        {},
    ],
)
def test_an_id_is_the_one_of_the_rules(params: dict[str, Any]) -> None:
    one = through_the_door({**GOOD, "params": params})
    canonical = {
        **GOOD,
        "stream_id": "default",
        "event_timestamp": datetime(2026, 6, 1, 10),
        "params": params,
    }
    assert json.loads(one.body)["event_id"] == event.event_id(canonical)
    if params:
        assert one.body.endswith(event.canonical_json(params).encode() + b"}")


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"params": {"a": ["\0"]}},
            {"params": {"\0": None}},
            {"params": {"a": "\0"}},
            {"colour": {"\0": 1}},
        ),
        *({"items": ["\0"]}, {"stream_id": "\0"}, {"event_id": "\0"}, {"source": "\0"}, {"\0": None}),
        *({"params": {"a\\": "\0"}}, {"params": {"_export": "\0"}}, {"received_at": "\0"}),
    ],
)
def test_no_text_holds_a_nul(change: dict[str, Any]) -> None:
    assert through_the_door({**GOOD, **change}).reason == "nul_character"
    spelt = json.loads(json.dumps({**GOOD, **change}).replace("u0000", "\\u0000"))
    assert through_the_door(spelt).reason is None  # a backslash and a word


def test_keys_do_not_run_together() -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("a1:b", "c"), ("", "abc")]
    keys = {through_the_door({**GOOD, "stream_id": stream, "event_id": name}).key for stream, name in pairs}
    assert len(keys) == len(pairs)


def test_an_event_may_be_as_old_as_it_may_be() -> None:
    hour = Receipt("/", MICROS, 3_600_000_000)
    at = {"event_timestamp": MICROS - 3_600_000_000}
    assert through_the_door(GOOD | at, hour).reason is None
    late = through_the_door(GOOD | at | {"event_timestamp": at["event_timestamp"] - 1}, hour)
    assert late.reason == "late_event"
    assert late.detail == f"event_timestamp is more than 1 hours ago: {at['event_timestamp'] - 1}"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"a": 1, "a": 2}', "a key appears twice"),
        (b'{"params": {"a": 1, "a": 2}}', "a key appears twice"),
        (b'{"a" \n : 1, "a":2}', "a key appears twice"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_object(raw: bytes, told: str) -> None:
    with pytest.raises(json_parts.NotJson, match=told):
        json_parts.object_of(raw)


@pytest.mark.parametrize(
    "raw",
    [b'{"a": "\\":", "b": 1}', b'{"a": NaN, "b": 1e400}', b'{"a": {"b": [{"c": "d:e"}]}}', b'{"": {"": 1}}'],
)
def test_what_is_one(raw: bytes) -> None:
    assert repr(json_parts.object_of(raw)) == repr(json.loads(raw))
