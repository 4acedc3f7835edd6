"""The reference itself: it reproduces every golden case, and its trickier steps do what their rules say."""

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import reference
from histories import History, histories
from hypothesis import given, settings

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/case.json"))


def read_events(case: Path) -> list[dict[str, Any]]:
    lines = (case / "events.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def as_expected(credit: dict[str, Any]) -> dict[str, str]:
    """A credit as expect.csv writes it."""

    def six_digits(number: Decimal | None) -> str:
        return "" if number is None else str(number.quantize(Decimal("0.000001"), ROUND_HALF_UP))

    columns = ("conversion_id", "attribution_model", "channel", "source", "medium", "campaign")
    return {
        **{name: credit[name] or "" for name in columns},
        "touch_at": credit["touch_at"].isoformat(timespec="microseconds"),
        "credit": six_digits(credit["credit"]),
        "credited_value": six_digits(credit["credited_value"]),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_case(case: Path) -> None:
    settings = json.loads((case / "case.json").read_text(encoding="utf-8"))["settings"]
    truth = reference.compute(read_events(case), settings)
    with (case / "expect.csv").open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    by_conversion = sorted(truth.credits, key=lambda credit: credit["conversion_id"])
    assert [as_expected(credit) for credit in by_conversion] == expected


def test_golden_cases_say_why() -> None:
    assert len(CASES) >= 47
    for case in CASES:
        assert json.loads((case / "case.json").read_text(encoding="utf-8"))["why"].endswith("."), case.name


# --- Single steps -------------------------------------------------------------------------------------------

AT = "2026-05-01T10:00:00Z"


def event(event_id: str = "a", **columns: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "event_name": "page_view",
        "event_timestamp": AT,
        "user_pseudo_id": "d",
        **columns,
    }


def purchase(event_id: str, **columns: Any) -> dict[str, Any]:
    return event(event_id, event_name="purchase", **columns)


def value_after(*refunds: str | None, value: str = "10.00") -> Decimal:
    events = [purchase("a", value=value, transaction_id="t")]
    events += [
        event(f"r{position}", event_name="refund", value=back, transaction_id="t")
        for position, back in enumerate(refunds)
    ]
    return reference.compute(events).conversions[0]["conversion_value"]


def test_timestamps_are_read_to_the_microsecond() -> None:
    written = [
        "2026-05-01T10:00:00.000001Z",
        "2026-05-01T12:00:00.000001+02:00",
        "2026-05-01T10:00:00.000001",
    ]
    assert {reference.microseconds(text) for text in written} == {1777629600000001}
    assert reference.microseconds("1777629600000001") == reference.microseconds(1777629600000001)


def test_numbers_may_be_text() -> None:
    seen = reference.compute([event(ga_session_id="7", value="1.5", unknown_column=3)]).events[0]
    assert (seen["ga_session_id"], seen["value"], seen["params"]) == (
        7,
        Decimal("1.5"),
        {"unknown_column": 3},
    )


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"event_name": None}, "missing_event_name"),
        ({"event_timestamp": None}, "missing_timestamp"),
        ({"event_timestamp": "yesterday"}, "invalid_timestamp"),
        ({"event_timestamp": "2026-05-01T12:10:00.000001Z"}, "timestamp_in_future"),
        ({"user_pseudo_id": ""}, "no_identity"),
        ({"value": "ten"}, "invalid_number"),
        ({"ga_session_id": "7.5"}, "invalid_number"),
        ({"source_kind": "stream", "received_at": "2026-05-04T10:00:00.000001Z"}, "late_event"),
    ],
)
def test_what_is_not_valid_is_refused_with_a_reason(columns: dict[str, Any], reason: str) -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    truth = reference.compute([event(**columns)], now=noon)
    assert [why for _, why in truth.refused] == [reason]
    assert truth.events == []


def test_the_edges_of_what_is_valid_count() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    edges = [
        event("a", event_timestamp="2026-05-01T12:10:00Z"),
        event("b", source_kind="stream", received_at="2026-05-04T10:00:00Z"),
        event("c", user_pseudo_id=None, ga_session_id=0),
    ]
    assert len(reference.compute(edges, now=noon).events) == 3


def test_a_repeat_is_a_duplicate_only_with_the_same_payload() -> None:
    arrivals = [event(value="1"), event(value="1.00"), event(value="2"), event(value="1", stream_id="other")]
    truth = reference.compute(arrivals)
    assert (len(truth.events), truth.duplicates) == (2, 1)
    assert truth.refused == [(arrivals[2], "id_conflict")]


def test_a_kind_is_stored_beside_those_that_it_replaces_and_no_others() -> None:
    def arrive(*kinds: str) -> tuple[list[str], int]:
        truth = reference.compute([event(source_kind=kind) for kind in kinds])
        return [seen["source_kind"] for seen in truth.events], truth.duplicates

    assert arrive("stream", "export_intraday", "export_daily") == (["export_daily"], 0)
    assert arrive("export_daily", "export_intraday", "stream") == (["export_daily"], 2)
    assert arrive("stream", "file", "export_daily") == (["export_daily"], 1)
    assert arrive("file", "export_daily") == (["file"], 1)


def test_text_is_ordered_by_its_bytes() -> None:
    ids = ["é", "b", "B", "_", "a1"]
    assert [seen["event_id"] for seen in reference.compute([event(name) for name in ids]).events] == [
        "B",
        "_",
        "a1",
        "b",
        "é",
    ]


def test_one_id_in_two_streams_is_ordered_by_the_id_with_its_stream() -> None:
    streams = [seen["stream_id"] for seen in reference.compute([event(), event(stream_id="9")]).events]
    assert streams == ["9", "default"]  # 9/a comes before a


def test_own_channel_rules_match_the_whole_text() -> None:
    def channel(pattern: str, medium: str | None) -> str:
        rules = {"channel_rules": [{"channel": "Own", "medium": pattern}]}
        return reference.compute([event(source="adnet", medium=medium)], rules).touchpoints[0]["channel"]

    assert [channel("CP[CM]", "cpc"), channel("cp", "cpc"), channel(".*cp.*", "xcpx")] == [
        "Own",
        "Paid Other",
        "Own",
    ]
    assert channel("x?", None) == "Own"  # nothing is the empty text


def test_hosts_and_their_registrable_domains() -> None:
    assert reference.host_of("https://user@WWW.Example.com:8080/x") == "example.com"
    assert reference.host_of("example.com/x") is None
    assert reference.domain_of("https://a.b.example.co.uk/") == "example.co.uk"
    assert reference.domain_of("http://localhost:3000/") == "localhost"
    assert reference.domain_of("http://10.0.0.1/") == "10.0.0.1"
    assert (
        reference.domain_of("https://me.github.io/") == "github.io"
    )  # private suffixes are not suffixes here
    assert reference.domain_of("android-app://com.google.android.gm/") == "com.google.android.gm"


def test_a_parameter_given_twice_has_its_first_value() -> None:
    assert reference.query_of("https://example.com/?a=1&a=2&b=%41+c#a=3") == {"a": "1", "b": "A c"}


def test_session_keys_name_the_session_or_the_visit() -> None:
    arrivals = [event("a"), event("b", user_pseudo_id="e", ga_session_id=5), event("c", user_pseudo_id="e")]
    keys = {seen["event_id"]: seen["session_key"] for seen in reference.compute(arrivals).events}
    assert keys == {"a": "d/@1777629600000000", "b": "e/5", "c": "e/5"}


def test_refunds() -> None:
    assert value_after() == 10
    assert value_after(value="-5.00") == -5
    assert value_after("4.00", "-1.00") == 5
    assert value_after("4.00", "9.00") == 0
    assert value_after("4.00", None) == 0
    assert value_after("0") == 0


def test_position_based_weights_are_whole_numbers() -> None:
    shares = {n: reference.weights_of("position_based", [{}] * n, {}) for n in (1, 2, 3, 5)}
    assert shares == {1: [1], 2: [1, 1], 3: [2, 1, 2], 5: [6, 1, 1, 1, 6]}


def test_time_decay_halves_exactly_and_vanishes_at_last() -> None:
    week = {"attribution.half_life_days": 7.0}
    assert [reference.decayed(7 * days * reference.DAY, week) for days in (0, 1, 2)] == [
        10**12,
        10**12 // 2,
        10**12 // 4,
    ]
    assert reference.decayed(30 * reference.DAY, {"attribution.half_life_days": 0.5}) == 0


def test_a_step_that_decayed_to_nothing_has_no_row() -> None:
    arrivals = [
        event("a", source="google", medium="cpc", event_timestamp="2026-04-01T10:00:00Z", ga_session_id=1),
        purchase("b", source="newsletter", medium="email", ga_session_id=2, value="3"),
    ]
    chosen = {
        "attribution.lookback_days": 30,
        "attribution.half_life_days": 0.5,
        "attribution.models": ["time_decay"],
    }
    rows = reference.compute(arrivals, chosen).credits
    assert [(row["credit"], row["credited_value"]) for row in rows] == [(1, 3)]


def test_money_is_cut_towards_zero_and_the_last_takes_the_rest() -> None:
    third = Fraction(1, 3)
    assert reference.truncated(-third, 3) == Decimal("-0.333")
    parts = [reference.truncated(-third, 3)] * 3
    assert reference.leave_the_rest_to_the_last(parts, Decimal(-1), [1, 1, 0]) == [
        Decimal("-0.333"),
        Decimal("-0.334"),
        Decimal("-0.333"),
    ]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(KeyError, match="lookback"):
        reference.compute([], {"attribution.lookback": 3})


# --- What holds in every history ----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(histories())
def test_what_holds_in_every_history(history: History) -> None:
    assert [event for batch in history.batches for event in batch] == history.events
    truth = reference.compute(history.events, history.settings)
    chosen = reference.with_defaults(history.settings)

    for rows, key in (
        (truth.sessions, ["device_id", "session_key"]),
        (truth.touchpoints, ["touchpoint_id"]),
        (truth.conversions, ["conversion_id"]),
        (truth.journeys, ["conversion_id", "step_number"]),
        (truth.credits, ["conversion_id", "attribution_model", "touchpoint_id"]),
    ):
        counted = Counter(tuple(row[name] for name in key) for row in rows)
        assert set(counted.values()) <= {1}, key
    assert sum(session["event_count"] for session in truth.sessions) == len(truth.events)

    lookback = timedelta(days=chosen["attribution.lookback_days"])
    at = {conversion["conversion_id"]: conversion["conversion_at"] for conversion in truth.conversions}
    for step in truth.journeys:
        end = at[step["conversion_id"]]
        assert end - lookback <= step["first_touch_at"] <= step["last_touch_at"] <= end

    credited: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for credit in truth.credits:
        credited[credit["conversion_id"], credit["attribution_model"]].append(credit)
    models = chosen["attribution.models"]
    assert set(credited) == {(conversion_id, model) for conversion_id in at for model in models}
    for conversion in truth.conversions:
        for model in models:
            rows = credited[conversion["conversion_id"], model]
            assert sum(row["credit"] for row in rows) == 1
            assert sum(row["credited_value"] for row in rows) == conversion["conversion_value"]


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_order_of_arrival_does_not_matter_where_no_id_repeats(history: History) -> None:
    by_id = {(event.get("stream_id"), event["event_id"]): event for event in history.events}
    once = list(by_id.values())
    forwards = reference.compute(once, history.settings)
    backwards = reference.compute(once[::-1], history.settings)
    for name in ("events", "sessions", "touchpoints", "conversions", "journeys", "credits"):
        assert getattr(forwards, name) == getattr(backwards, name), name
