"""The journal's promises with a broker in its place: kill -9 of door and engine under load, and a broker that is away.

FAN_IN_ROUNDS=50 kills more often."""

import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fan_in.conftest import Broker
from faults.live import Live, Traffic, check_books, event, published, show, stored_ids

from headwater.settings import load_settings
from headwater.transform.build import Builder

ROUNDS = int(os.environ.get("FAN_IN_ROUNDS", "4"))
VICTIMS = (("engine",), ("collect",), ("collect", "engine"))
# What an engine had taken when it was killed comes again only after Pub/Sub's deadline.
CAUGHT_UP_SECONDS = 180


def balance(status: dict[str, Any]) -> None:
    """Where the broker does not tell how much it holds, what has come from it is all that is accepted."""
    check_books(status | {"pending": status["pending"] or 0})


def check(live: Live, acknowledged: set[str], broker: Broker) -> str:
    """Nothing acknowledged is lost, nothing counts twice, ticks have left what a full build makes."""
    stored: list[str] = []

    def is_all_there() -> bool:
        found = live.query("select event_id from events_streaming")
        stored[:] = [row["event_id"] for row in found]
        return acknowledged <= set(stored)

    seconds = live.until(is_all_there, "acknowledged events are missing", CAUGHT_UP_SECONDS)
    live.drained(CAUGHT_UP_SECONDS)
    status = live.status()
    assert status
    balance(status)
    assert (status["pending"] == 0) is (broker.kind == "kafka")
    live.stop(*[name for name in ("collect", "engine") if live.is_running(name)])
    warehouse = live.warehouse()
    try:
        ids = stored_ids(warehouse)
        assert len(ids) == len(set(ids))
        ticked = published(warehouse)
        Builder(load_settings(live.home, {}), warehouse).build(full_refresh=True, test=False)
        assert published(warehouse) == ticked
    finally:
        warehouse.close()
    books = {name: status[name] for name in ("accepted", "loaded", "duplicates", "dead_letters", "pending")}
    kept = f"0 lost of {len(acknowledged):,} after {seconds:.1f} s, each once, equal to a full build"
    return f"{broker.kind}: {kept}, {books}"


def test_what_is_killed_under_load(
    live: Callable[..., Live], broker: Broker, capfd: pytest.CaptureFixture[str]
) -> None:
    one = live().start("collect", "engine")
    traffic, dice = Traffic(one.url, "kill", pause=0.05), random.Random()
    for number in range(ROUNDS):
        time.sleep(dice.uniform(0.5, 4.0))
        victims = VICTIMS[number % len(VICTIMS)]
        one.kill(*victims)
        one.launch(*victims)
    one.until(one.is_open, "the door does not open")
    time.sleep(1.0)
    acknowledged = traffic.stop()
    assert len(acknowledged) > 20 * ROUNDS
    one.until(lambda: one.status(), "the engine does not answer")
    show(f"killed {ROUNDS} times: {traffic}; {check(one, acknowledged, broker)}", capfd)


def test_a_broker_that_is_away(
    live: Callable[..., Live], broker: Broker, capfd: pytest.CaptureFixture[str]
) -> None:
    """For a moment a request waits; for longer it is told to come again; then all goes on by itself."""
    one = live().start("collect", "engine")

    events = {name: event(event_id=name) for name in ("before", "lost", "after")}

    def send(name: str) -> httpx.Response:
        return one.http.post("/v1/events", json=[events[name]], timeout=60)

    assert send("before").status_code == 200
    broker.leave()
    started = time.monotonic()
    refused = send("lost")
    waited = time.monotonic() - started
    assert refused.status_code == 503, refused.text
    assert refused.json()["error"]["type"] == "unavailable"
    assert refused.headers["retry-after"]
    assert 5 < waited < 40
    stopped = one.stop("collect"), one.stop("engine")
    assert max(stopped) < 10
    one.launch("collect", "engine")  # they start without the broker, too
    one.until(one.is_open, "the door does not open")
    one.until(one.status, "the engine does not answer")
    broker.come_back()
    back = one.until(lambda: send("lost").status_code == 200, "the door does not recover", 90)
    assert send("after").json()["accepted"] == 1
    assert send("before").status_code == 200  # the door cannot know
    assert "does not answer" in one.log("collect")
    told = check(one, set(events), broker)
    ends = f"ended without it in {stopped[0]:.1f} s and {stopped[1]:.1f} s"
    show(f"503 after {waited:.1f} s, {ends}, 2xx {back:.1f} s after it was back; {told}", capfd)


def test_repeats_and_poison_and_what_status_says(live: Callable[..., Live], broker: Broker) -> None:
    """Two doors, as behind a load balancer, and one engine."""
    one, other = live().start("collect", "engine"), live().start("collect")
    events = [event(event_id=f"e{number}", user_pseudo_id=f"d{number}") for number in range(1000)]
    events[617] = event(event_id="late", event_timestamp=time.time_ns() // 1000 - 100 * 3_600_000_000)
    for door in (one, other):
        told = door.http.post("/v1/events", json=events).json()
        assert (told["accepted"], told["duplicates"], told["refused"]) == (999, 0, 1)
        assert told["events"][617]["reason"] == "late_event"
    conflict = one.http.post("/v1/events", json=[events[0] | {"event_name": "another"}])
    assert conflict.json()["accepted"] == 1
    one.until(lambda: (one.status() or {}).get("accepted", 0) >= 2001, "not all is taken")
    one.drained()
    status = one.status()
    assert status
    balance(status)
    assert (status["loaded"], status["duplicates"], status["dead_letters"]) == (999, 999, 3)
    assert status["broker"]["kind"] == broker.kind
    assert status["journal"] is None
    assert status["latency"]["received_to_journaled"]["p50"] is not None
    said = one.run("status").stdout
    if broker.kind == "kafka":
        assert "2,001 events accepted = 999 loaded + 999 duplicates + 3 dead letters + 0 pending" in said
    else:
        assert "2,001 events taken from the broker = 999 loaded + 999 duplicates + 3 dead letters\n" in said
        assert "Pub/Sub does not tell how many it still holds" in said
    assert httpx.get(f"http://127.0.0.1:{one.port}/metrics").status_code == 200
    one.stop("collect", "engine")
    stopped = one.run("status")
    assert stopped.returncode == 0, stopped.stderr
    assert "999 loaded + 999 duplicates + 3 dead letters" in stopped.stdout
    # what was refused comes in after all, from the warehouse, and moves in the books
    settings = one.home / "headwater.toml"
    settings.write_text(settings.read_text() + "[stream]\nmax_event_age_hours = 200\n")
    replayed = one.run("dead-letters", "replay", "--reason", "late_event", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["loaded"] == 1
    after = json.loads(one.run("status", "--json").stdout)
    balance(after)
    assert (after["accepted"], after["loaded"], after["dead_letters"]) == (2001, 1000, 2)
