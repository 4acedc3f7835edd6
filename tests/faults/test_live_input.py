"""What clients send wrongly, late, twice or in malice: into the door, and out of the tables."""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from faults.live import Event, Live, Traffic, check_all, check_stored, event, listed, show, visit
from security.test_door import bodies

HOUR = 3_600_000_000
DOORS = ("/v1/events", "/mp/collect?measurement_id=G-1", "/g/collect?v=2&tid=G-1&cid=c&en=a")

HOSTILE = (
    "'; drop table events_streaming; --",
    '"; drop schema main cascade; --',
    "$$; delete from headwater_positions; $$",
    "Robert'); DROP TABLE dead_letters;--",
    "{{ 7 * 7 }} {% raw %} {# no #}",
    "{{ env_var('PATH') }}",
    "%s %(name)s {0} ? :name $1",
    "\\'; select 1; --\\",
    "\u202egnp.exe\u2066",
    "‮مرحبا‏ \u200b\ufeff",
    "\U0001f4a9\U0010fffd",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd\n\r\t\x01\x7f",
    "é" + "\u0301" * 100,
    "'" * 10_000,
)


class Flow:
    """One life of the product for the tests below, with good traffic beside what they do."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.good = Traffic(live.url, "good", senders=1, pause=0.05)
        self.acknowledged: set[str] = set()

    def post(self, events: Sequence[Event]) -> dict[str, Any]:
        answer = self.live.http.post("/v1/events", json=events)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        self.acknowledged |= {one["event_id"] for one in told["events"] if one["status"] != "refused"}
        return told

    def seen(self) -> None:
        """Waits until what was sent before can be seen."""
        marker = f"marker-{time.monotonic_ns()}"
        self.post([event(event_id=marker)])
        sql = f"select event_id from stg_ga4_events where event_id = '{marker}'"
        self.live.until(lambda: self.live.query(sql), "it is never seen")


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    live = Live(tmp_path_factory.mktemp("flow") / "home").start("up")
    try:
        flow = Flow(live)
        yield flow
        acknowledged = flow.good.stop()
        assert set(flow.good.statuses) == {200}
        assert flow.good.refused == flow.good.resent == 0
        live.drained()
        assert (live.status() or {})["alerts"] == []
        assert "Traceback" not in live.log("up")
        assert "is started anew" not in live.log("up")
        check_all(live, acknowledged | flow.acknowledged)
    finally:
        live.close()


def test_one_bad_event_in_a_thousand(flow: Flow, capfd: pytest.CaptureFixture[str]) -> None:
    bad = random.Random().randrange(1_000)
    events = [event(event_id=f"thousand-{place}", batch_event_index=place) for place in range(1_000)]
    events[bad] |= {"event_name": "", "params": {"planted": "poison"}}
    good = [f"thousand-{place}" for place in range(1_000) if place != bad]
    told = flow.post(events)
    assert (told["accepted"], told["refused"]) == (999, 1)
    assert told["events"][bad]["reason"] == "missing_event_name"
    assert [one["event_id"] for one in told["events"] if one["status"] == "accepted"] == good
    flow.seen()
    rows = flow.live.query(
        "select event_id from stg_ga4_events where event_id like 'thousand-%' order by batch_event_index"
    )
    assert [row["event_id"] for row in rows] == good
    (letter,) = flow.live.query("select * from dead_letters where original like '%planted%'")
    assert (letter["reason"], letter["line"]) == ("missing_event_name", bad + 1)
    assert json.loads(letter["original"]) == events[bad]
    show(f"1 bad event in 1,000 (the {bad + 1}th): told, kept, and the other 999 landed in order", capfd)


def test_malformed_bodies_at_all_doors(flow: Flow, capfd: pytest.CaptureFixture[str]) -> None:
    parts, chance = flow.live.children(), random.Random(11)
    corpus = [body for body in bodies() if len(body) < 100_000]
    answers = [flow.live.http.post(chance.choice(DOORS), content=body) for body in chance.sample(corpus, 400)]
    assert max(listed(answers)) < 500
    flow.seen()
    assert flow.live.children() == parts
    reasons = {
        row["reason"]: row["n"]
        for row in flow.live.query("select reason, count(*) as n from dead_letters group by reason")
    }
    assert "poison" not in reasons  # the word for what no check has foreseen
    assert "malformed_json" in reasons
    show(f"400 malformed bodies: answers {listed(answers)}, dead letters {reasons}", capfd)


def test_late_events_and_wrong_clocks(flow: Flow, capfd: pytest.CaptureFixture[str]) -> None:
    person, now = "late-person", time.time_ns() // 1000
    flow.post(
        [
            event(
                event_id="bought",
                event_name="purchase",
                user_pseudo_id=person,
                value=5,
                transaction_id="late-order",
                ga_session_id=1,
            )
        ]
    )
    flow.seen()
    first_click = (
        "select source from int_attribution_credits "
        "where conversion_id = 'bought' and attribution_model = 'first_click'"
    )
    assert flow.live.query(first_click) == [{"source": "(direct)"}]

    late = [
        event(
            event_id=f"late-{hours}",
            user_pseudo_id=person,
            event_timestamp=now - hours * HOUR,
            page_location="https://shop.example/?utm_source=news&utm_medium=email",
            ga_session_id=1 + hours,
        )
        for hours in (24, 48, 71, 73, 96)
    ]
    told = flow.post(late)["events"]
    assert [one.get("reason") for one in told] == [None, None, None, "late_event", "late_event"]
    answers = [
        flow.live.http.post(
            DOORS[1],
            json={
                "client_id": "skewed",
                "timestamp_micros": now + hours * HOUR,
                "events": [{"name": "page_view", "params": {"session_id": 7}}],
            },
        ).status_code
        for hours in (-48, 48, 0)
    ]
    assert answers == [204, 422, 204]
    flow.seen()
    assert flow.live.query(first_click) == [{"source": "news"}]
    refused = flow.live.query(
        "select reason from dead_letters where original like '%late-%' or original like '%skewed%' order by reason"
    )
    assert [row["reason"] for row in refused] == ["late_event", "late_event", "timestamp_in_future"]
    (skewed,) = flow.live.query("select * from stg_ga4_sessions where device_id = 'skewed'")
    assert skewed["event_count"] == 2
    assert skewed["session_end"] - skewed["session_start"] == timedelta(hours=48)
    assert not flow.live.query("select * from stg_ga4_sessions where session_end < session_start")
    latency = (flow.live.status() or {})["latency"]
    assert all(value is None or value >= 0 for quantiles in latency.values() for value in quantiles.values())
    show(
        "late by 24, 48 and 71 h: the marts are corrected; by 73 and 96 h, and 48 h ahead: dead letters",
        capfd,
    )


def test_the_same_events_again_by_file(flow: Flow, capfd: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(3)
    events = [said for number in range(100) for said in visit(f"again-{number}", chance)]
    for place, said in enumerate(events):
        said.setdefault("event_id", f"again-given-{place}")
    file = flow.live.home / "events.ndjson"
    file.write_text("".join(json.dumps(said) + "\n" for said in events))
    told = [flow.post(events[:250]) for _ in range(3)]
    assert [(one["accepted"], one["duplicates"]) for one in told] == [(250, 0), (0, 250), (0, 250)]
    flow.seen()
    loads = [json.loads(flow.live.run("load", str(file), "--json").stdout) for _ in range(2)]
    assert [(one["accepted"], one["duplicates"]) for one in loads] == [(250, 250), (0, 500)]
    told = [flow.post(events) for _ in range(2)]
    assert [(one["accepted"], one["duplicates"]) for one in told] == [(250, 250), (0, 500)]
    flow.seen()
    names = ", ".join(f"'{said['event_id']}'" for said in events)
    (found,) = flow.live.query(
        "select count(*) as n, count(distinct event_id) as different, "
        "count(distinct case when event_name = 'purchase' then transaction_id end) as orders "
        f"from stg_ga4_events where event_id in ({names})"
    )
    assert found == {"n": 500, "different": 500, "orders": 100}
    (orders,) = flow.live.query(
        "select count(*) as n from int_conversions where transaction_id like 'again-%'"
    )
    assert orders == {"n": 100}
    show("500 events, brought up to seven times by door and by file: 500 events and 100 orders", capfd)


LONG = "x'\u202e" * 350_000


def hostile_events() -> Iterator[dict[str, Any]]:
    for number, text in enumerate(HOSTILE):
        yield event(event_id=f"params-{number}", params={text[:500]: text, "nested": {"a": [text]}})
        yield event(event_id=f"name-{number}", event_name=text)
        yield event(event_id=f"campaign-{number}", source=text, medium=text, campaign=text, term=text)
        yield event(event_id=f"order-{number}", event_name="purchase", transaction_id=text, value=1)
        yield event(event_id=f"person-{number}", user_pseudo_id=text, user_id=text, stream_id=text[:1000])
        yield event(event_id=f"page-{number}", page_location=text, page_referrer="https://" + text)
        yield event(event_id=text, params={"text": text})
    yield event(event_id="long", params={"text": LONG}, term=LONG)
    for number, text in enumerate(("a\0b", "\ud800", "\udfff\ud800")):
        yield event(event_id=f"refused-{number}", event_name=text)
        yield event(event_id=f"refused-param-{number}", params={text: text})


def test_hostile_names_and_values(
    live: Callable[..., Live], empty_warehouse: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    one = live(empty_warehouse()).start("collect", "engine")
    sent = list(hostile_events())
    outcomes: dict[str, str] = {}
    for hostile in sent:
        answer = one.http.post("/v1/events", content=json.dumps([hostile]))
        assert answer.status_code in (200, 422), answer.text[:500]
        (told,) = answer.json()["events"]
        outcomes[hostile["event_id"]] = told["status"]
    for number, text in enumerate(HOSTILE):
        said = {"name": text, "params": {text[:500]: text, "transaction_id": text, "page_referrer": text}}
        body = json.dumps({"client_id": text, "user_id": f"by-protocol-{number}", "events": [said]})
        assert one.http.post("/mp/collect?measurement_id=G-1", content=body).status_code == 204
        hit = {"cid": text, "uid": f"by-tag-{number}", "en": text, "ep.transaction_id": text, "dr": text}
        hit[f"ep.{text[:500]}"] = text
        answer = one.http.post(
            "/g/collect?v=2&tid=G-1", content=urlencode(hit), headers={"user-agent": "Mozilla/5.0"}
        )
        assert answer.status_code == 204
    one.drained()
    assert (one.status() or {})["alerts"] == []
    acknowledged = {name for name, outcome in outcomes.items() if outcome == "accepted"}
    assert {name for name in outcomes if name.startswith("refused")} == set(outcomes) - acknowledged
    figures = check_stored(one, acknowledged)

    warehouse = one.warehouse()
    try:
        rows = warehouse.query(
            "select event_id, event_name, params, transaction_id, user_pseudo_id, user_id, page_referrer "
            "from events_streaming"
        ).to_pylist()
        letters = warehouse.query("select original, reason from dead_letters").to_pylist()
    finally:
        warehouse.close()
    stored = {row["event_id"]: row for row in rows}
    assert json.loads(stored["long"]["params"]) == {"text": LONG}
    for number, text in enumerate(HOSTILE):
        params = json.loads(stored[f"params-{number}"]["params"])
        assert params == {text[:500]: text, "nested": {"a": [text]}}
        assert stored[f"name-{number}"]["event_name"] == text
        assert stored[f"order-{number}"]["transaction_id"] == text
        assert stored[f"person-{number}"]["user_pseudo_id"] == text
        assert stored[f"person-{number}"]["user_id"] == text
        assert json.loads(stored[text]["params"]) == {"text": text}
        for door in ("by-protocol", "by-tag"):
            (row,) = (row for row in rows if row["user_id"] == f"{door}-{number}")
            assert json.loads(row["params"]) == {text[:500]: text}
            for column in ("event_name", "user_pseudo_id", "transaction_id", "page_referrer"):
                assert row[column] == text, (door, column)
    assert "poison" not in {letter["reason"] for letter in letters}
    show(
        f"{len(sent)} hostile events: {len(acknowledged)} stored as they were sent, and {2 * len(HOSTILE)} by other "
        f"doors; {figures}",
        capfd,
    )
