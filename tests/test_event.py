"""One event at a time, and the same events by the column: both must say the same."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater import event
from headwater.sources.read import read_file

NOW = datetime(2026, 6, 1, 12)
# A column costs its statement, however short it is: few examples of many events find more than the reverse.
many_at_once = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
PLAIN = {"event_name": "page_view", "event_timestamp": "2026-05-01T10:00:00Z", "user_pseudo_id": "d1"}


def by_the_column(events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[int, tuple[str, str]]]:
    """The canonical rows, and the refusals by line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
        batches = list(read_file(path, "ndjson", now=NOW))
    letters = [row for batch in batches for row in batch.dead_letters.to_pylist()]
    return (
        [row for batch in batches for row in batch.events.to_pylist()],
        {letter["line"]: (letter["reason"], letter["detail"]) for letter in letters},
    )


texts = st.text(max_size=12) | st.sampled_from(["", "a\\u0000b", 'é\n\t"\\/', "\x7f\x1f", "(not set)", "😀"])
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
moments = (
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28)).map(datetime.isoformat)
    | st.integers(-(10**17), 3 * 10**17)
    | st.sampled_from(
        [
            *(
                "2026-05-01",
                "2026-05-01T10:00",
                "2026-05-01 10:00:00.1234567+02",
                "2026-05-01T10:00:00-02:30",
            ),
            *(
                "2026-02-30T00:00:00Z",
                "1777629600000000",
                "1777629600000000.0",
                1777629600000000.0,
                "noon",
                True,
            ),
            *("2026-05-01T24:00:00Z", "0000-01-01T00:00:00Z", "2026-05-01T10:00:00z", "2026-06-01T12:10:00Z"),
            *("2026-06-01T12:10:00.000001Z", "2026-05-01T10:00:00+0230", "", None, 10**30, "-5"),
        ]
    )
)
amounts = (
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**13), max_value=10**13).map(str)
    | numbers
    | st.sampled_from(
        ["12.5", "NaN", "nan", "", "1.0000005", "-1.0000005", "0.00000049999999", ".5", "5.", "1e3", "5e-7"]
    )
    | st.sampled_from(
        ["999999999999.9999995", "999999999999.999999", "abc", " 5", "1_000", "Infinity", "4.9e-7"]
    )
)
wholes = (
    numbers
    | st.integers(0, 100).map(str)
    | st.sampled_from(["12.0", "12.5", "abc", "", None, "9223372036854775808"])
)
loose_events = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["page_view", "purchase", "", 7]) | texts, "event_timestamp": moments},
    optional={
        "user_pseudo_id": texts | st.none(),
        "user_id": texts,
        "ga_session_id": wholes,
        "batch_page_id": wholes,
        "batch_ordering_id": wholes,
        "stream_id": texts,
        "source_kind": st.sampled_from([*event.SOURCE_KINDS, "", "nightly", None]),
        "page_location": texts,
        "source": texts,
        "campaign": texts,
        "gclid": texts,
        "value": amounts,
        "transaction_id": texts,
        "currency": st.sampled_from(["EUR", "", "(not set)"]),
        "items": st.lists(st.dictionaries(texts, json_values, max_size=2), max_size=2),
        "params": st.dictionaries(texts | st.just("_export"), json_values, max_size=5) | json_values,
    },
)


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=60))
def test_one_event_is_refused_exactly_as_in_a_column(events: list[dict[str, Any]]) -> None:
    _, refused = by_the_column(events)
    one_by_one = {line: event.refusal(one, NOW) for line, one in enumerate(events, start=1)}
    assert {line: reason for line, (reason, _) in refused.items()} == {
        line: refusal.reason for line, refusal in one_by_one.items() if refusal
    }


@many_at_once
@given(st.lists(loose_events, min_size=1, max_size=60))
def test_id_device_and_payload_are_those_of_a_column(events: list[dict[str, Any]]) -> None:
    rows, refused = by_the_column(events)
    taken = [one for line, one in enumerate(events, start=1) if line not in refused]
    assert len(rows) == len(taken)
    for row, given_event in zip(rows, taken, strict=True):
        params = given_event.get("params")
        as_object = json.loads(params) if isinstance(params, str) and params else params
        assert row["event_id"] == event.event_id({**row, "params": as_object or None})
        assert row["payload_hash"] == event.payload_hash({**row, "params": as_object or None})
        assert row["device_id"] == event.device_id(
            row["user_pseudo_id"], row["user_id"], row["ga_session_id"]
        )
        assert row["event_timestamp"] == event.moment(event.text_of(given_event["event_timestamp"]) or "")
        value = event.text_of(given_event.get("value"))
        assert row["value"] == (event.money(value) if value else 0)


def test_a_value_as_json_number_is_exact_to_the_last_digit() -> None:
    line = json.dumps(PLAIN)[:-1] + ', "value": 123456789012.123456}'
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        path.write_text(line)
        (batch,) = read_file(path, now=NOW)
    assert batch.events["value"][0].as_py() == Decimal("123456789012.123456")


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "1e-5",
            "0.00001",
            "0.0001",
            "1e16",
            "1e15",
            "1E400",
            "-0",
            "-0.0",
            "1.10",
            "NaN",
            "12345678901234567890123",
        ),
        *(
            "123456789.123456789123",
            "0.1000000000000000055",
            "1e22",
            '"\\u001f\\u007f\\u00e9\\/"',
            '{"b":1,"a":[1.0]}',
        ),
    ],
)
def test_every_spelling_of_a_value_has_one_canonical_form(spelling: str) -> None:
    line = json.dumps(PLAIN)[:-1] + f', "params": {{"x": {spelling}}}}}'
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        path.write_text(line)
        (batch,) = read_file(path, now=NOW)
    assert batch.events["params"][0].as_py() == event.canonical_json(json.loads(line)["params"])


def test_the_id_tells_null_from_empty_and_never_runs_parts_together() -> None:
    base = {
        "stream_id": "default",
        "event_name": "a",
        "event_timestamp": datetime(2026, 5, 1),
        "user_id": "bc",
    }
    variants = [
        base,
        {**base, "event_name": "ab", "user_id": "c"},
        {**base, "transaction_id": "-"},
        {**base, "transaction_id": "0"},
        {**base, "batch_page_id": 1},
        {**base, "batch_ordering_id": 1},
        {**base, "params": {"a": 1}},
        {**base, "params": {"a": "1"}},
        {**base, "event_timestamp": datetime(2026, 5, 1, 0, 0, 0, 1)},
    ]
    assert len({event.event_id(variant) for variant in variants}) == len(variants)


def test_the_id_is_the_same_for_ever() -> None:
    """Ids are stored: another answer here would load every event of every user a second time."""
    one = {
        **{"stream_id": "default", "event_name": "purchase", "user_pseudo_id": "d1", "transaction_id": "t1"},
        **{
            "event_timestamp": datetime(2026, 5, 1, 10),
            "params": {"b": [1, {"d": 1.5, "c": "é"}], "a": None},
        },
    }
    assert event.event_id(one) == "40c0ef010b0a329f76f92d93604a3de36f4c57805c5198a6401e6baac2baa2ee"


def test_what_the_export_adds_does_not_count() -> None:
    base = {
        "stream_id": "s",
        "event_name": "a",
        "event_timestamp": datetime(2026, 5, 1),
        "user_id": "u",
        "value": 0,
    }
    more = {**base, "params": {event.EXPORT_KEY: {"user_ltv": 3}}}
    assert event.event_id(more) == event.event_id(base)
    assert event.payload_hash(more) == event.payload_hash(base)


def test_key_order_does_not_change_the_id_at_any_depth() -> None:
    base = {"stream_id": "s", "event_name": "a", "event_timestamp": datetime(2026, 5, 1), "user_id": "u"}
    one = event.event_id({**base, "params": '{"a": {"x": 1, "y": 2}, "b": 1}'})
    assert one == event.event_id({**base, "params": {"b": 1, "a": {"y": 2, "x": 1}}})


def test_the_payload_changes_with_what_the_event_says_only() -> None:
    base = {"stream_id": "s", "event_name": "a", "event_timestamp": datetime(2026, 5, 1), "value": Decimal(1)}
    assert event.payload_hash({**base, "received_at": NOW, "source_kind": "stream"}) == event.payload_hash(
        base
    )
    for change in ({"value": Decimal("1.000001")}, {"gclid": "x"}, {"items": "[1]"}, {"campaign": "c"}):
        assert event.payload_hash({**base, **change}) != event.payload_hash(base)
    assert 0 <= event.payload_hash(base) < 2**63


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"event_name": ""}, event.MISSING_EVENT_NAME),
        ({"event_timestamp": None}, event.MISSING_TIMESTAMP),
        ({"event_timestamp": "2026-05-01"}, event.INVALID_TIMESTAMP),
        ({"event_timestamp": "2026-06-01T12:10:00Z"}, None),
        ({"event_timestamp": "2026-06-01T12:10:00.000001Z"}, event.TIMESTAMP_IN_FUTURE),
        ({"user_pseudo_id": ""}, event.NO_IDENTITY),
        ({"user_pseudo_id": "", "ga_session_id": 0}, None),
        ({"ga_session_id": "12.0"}, None),
        ({"ga_session_id": "12.5"}, event.INVALID_NUMBER),
        ({"value": "abc"}, event.INVALID_NUMBER),
        ({"value": "NaN"}, None),
        ({"source_kind": "nightly"}, event.INVALID_SOURCE_KIND),
        ({"params": [1]}, event.MALFORMED_JSON),
        ({"params": {"a": ["\0"]}}, event.NUL_CHARACTER),
        ({"page_location": "a\0"}, event.NUL_CHARACTER),
        ({"page_location": "\ud800"}, event.MALFORMED_JSON),
    ],
)
def test_refusal(change: dict[str, Any], reason: str | None) -> None:
    refusal = event.refusal({**PLAIN, **change}, NOW)
    assert (refusal.reason if refusal else None) == reason
