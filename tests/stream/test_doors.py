"""The same demo through each of the doors, as it lies in the journal behind a real one; and where the door is."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from collector import Collector
from stream.told_door import Told, ToldDoor, problem

from headwater.collect.keys import add_key
from headwater.errors import TerminalError, TransientError
from headwater.settings import load_settings
from headwater.stream.answers import Tally, Verdict, verdicts_of
from headwater.stream.client import Sender, seconds_of, url_of
from headwater.stream.doors import Door, Target, request_of, several
from headwater.stream.run import new_run
from headwater.stream.script import Event, demo

SAID = (
    *("event_name", "user_pseudo_id", "ga_session_id", "ga_session_number", "batch_page_id"),
    *("batch_ordering_id", "page_location", "page_referrer", "currency", "transaction_id"),
)


def sent(collector: Collector, door: Door, events: list[Event]) -> tuple[list[Verdict], list[dict[str, Any]]]:
    """The verdicts, and the journal's rows."""
    before = collector.last_seq()
    sender = Sender(collector.url, print)
    target = Target(collector.url, door, "demo", None)
    verdicts = [verdict for event in events for verdict in sender.send(request_of(target, event))]
    sender.close()
    return verdicts, [json.loads(row["body"]) for row in collector.rows(before)]


def events() -> list[Event]:
    return [step.event for step in demo(new_run(), 1, 12)]


def said(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row.get(name) for name in SAID},
        "value": float(row.get("value") or 0),
        "page_title": (row.get("params") or {}).get("page_title"),
    }


@pytest.mark.parametrize("way", list(Door))
def test_every_door_keeps_what_the_demo_says(door: Collector, way: Door) -> None:
    made = events()
    verdicts, rows = sent(door, way, made)
    assert {verdict.status for verdict in verdicts} == {"accepted" if way is Door.v1 else "taken"}
    assert [said(row) for row in rows] == [said(event) for event in made]
    assert {row["stream_id"] for row in rows} == {"demo"}
    if way is Door.v1:
        assert [row["event_id"] for row in rows] == [event["event_id"] for event in made]
    if way is not Door.gtag:
        assert [row["event_timestamp"] for row in rows] == [event["event_timestamp"] for event in made]


@pytest.mark.parametrize("way", list(Door))
def test_the_same_events_again_leave_nothing(door: Collector, way: Door) -> None:
    made = events()
    sent(door, way, made)
    verdicts, rows = sent(door, way, made)
    assert rows == []
    assert {verdict.status for verdict in verdicts} == {"duplicate" if way is Door.v1 else "taken"}


def test_keys_go_where_each_door_reads_them(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "home")
    try:
        made = events()[:1]
        _, secret = add_key(collector.home, "demo", None)
        collector.start()
        for way in (Door.v1, Door.mp):
            sender = Sender(collector.url, print)
            with pytest.raises(TerminalError, match=r"unknown_key.* Send with --key SECRET\."):
                sender.send(request_of(Target(collector.url, way, "demo", None), made[0]))
            (verdict,) = sender.send(request_of(Target(collector.url, way, "demo", secret), made[0]))
            assert verdict.status in ("accepted", "taken")
            with pytest.raises(TerminalError, match="stream_not_allowed"):
                sender.send(request_of(Target(collector.url, way, "other", secret), made[0]))
            sender.close()
    finally:
        collector.close()


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "journal_full"), (503, "unavailable"), (507, "disk_full")]
)
def test_a_door_that_asks_to_wait_is_waited_for(told_door: ToldDoor, status: int, kind: str) -> None:
    told_door.next += [problem(status, kind, "0.3"), problem(status, kind, "0.3")]
    said: list[str] = []
    target = Target(told_door.url, Door.v1, None, None)
    (verdict,) = Sender(told_door.url, said.append).send(several(target, events()[:1]))
    assert verdict.status == "accepted"
    assert said == [f"The door asks to wait ({kind}: It is {kind}.) Trying again every 0.3 s."]
    first, second, third = told_door.came
    assert first.body == second.body == third.body
    assert second.at - first.at >= 0.3
    assert third.at - second.at >= 0.3


def test_patience_ends(told_door: ToldDoor) -> None:
    told_door.always = problem(503, "unavailable", "0.2")
    request = several(Target(told_door.url, Door.v1, None, None), events()[:1])
    with pytest.raises(
        TransientError, match=r"does not take the events now \(unavailable: It is unavailable"
    ):
        Sender(told_door.url, print, 0.5).send(request)
    assert len(told_door.came) == 3


def test_retry_after() -> None:
    assert [seconds_of(text) for text in ("5", " 2 ", "0", "0.5", "100000", "", "soon", "nan", "-1")] == [
        *(5, 2, 0.1, 0.5, 60, 1, 1, 1, 1)
    ]


@pytest.mark.parametrize(
    "told",
    [
        Told(200, {"events": []}),
        Told(200, ["hello"]),
        Told(404, {"detail": "Not Found"}),
        Told(500, "oops"),
        Told(301, {}),
    ],
)
def test_what_is_no_door_is_told(told_door: ToldDoor, told: Told) -> None:
    told_door.next.append(told)
    request = several(Target(told_door.url, Door.v1, None, None), events()[:1])
    with pytest.raises(
        TerminalError, match=rf"127\.0\.0\.1:{told_door.port} is no door of headwater .*collect\.port"
    ):
        Sender(told_door.url, print).send(request)


def test_a_request_that_is_refused_as_a_whole_answers_for_its_events() -> None:
    answer = httpx.Response(413, json={"error": {"type": "too_large", "message": "Send less."}})
    assert verdicts_of(answer, 2) == [Verdict("refused", reason="too_large", detail="Send less.")] * 2


def test_the_sum_in_words() -> None:
    tally = Tally()
    tally.add([Verdict("accepted")] * 1200 + [Verdict("duplicate")] * 2 + [Verdict("refused")])
    assert str(tally) == "1,200 accepted, 2 duplicates, 1 refused"
    assert tally.count == 1203
    tally = Tally()
    tally.add([Verdict("taken"), Verdict("refused")])
    assert str(tally) == "1 taken (this door does not say which of them were duplicates), 1 refused"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8787"),
        ("0.0.0.0", "http://127.0.0.1:8787"),
        ("::", "http://[::1]:8787"),
        ("collect.example", "http://collect.example:8787"),
    ],
)
def test_where_the_door_is(tmp_path: Path, host: str, url: str) -> None:
    (tmp_path / "headwater.toml").write_text(f'[collect]\nhost = "{host}"\n')
    assert url_of(load_settings(tmp_path, {})) == url
