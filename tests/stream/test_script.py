"""The demo's events: valid, the same for the same run, and from everywhere."""

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from headwater.errors import UsageError
from headwater.event import CANONICAL_SCHEMA, refusal
from headwater.stream.run import named_run, new_run
from headwater.stream.script import PAUSE, demo, traffic

NAME = "20261121T060708123-0a1b"
STARTED = datetime(2026, 11, 21, 6, 7, 8, 123000)


def events(seed: int = 1, length: int = 12, name: str = NAME) -> list[dict[str, Any]]:
    return [step.event for step in demo(named_run(name), seed, length)]


def test_a_runs_name_holds_the_time_when_it_began() -> None:
    assert named_run(NAME).started_at == int(STARTED.replace(tzinfo=UTC).timestamp() * 1e6)
    before = datetime.now(UTC).timestamp() * 1e6
    fresh = new_run()
    assert named_run(fresh.name) == fresh
    assert 0 <= before - fresh.started_at + 1000 <= 2e6
    assert new_run().name != fresh.name


@pytest.mark.parametrize(
    "name", ["", "demo", NAME + "0", "20261341T060708123-0a1b", "20261121T060708123-0A1B"]
)
def test_what_is_no_run_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="is no run: take the name that an earlier"):
        named_run(name)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("length", [1, 5, 12, 20, 137])
def test_every_event_can_be_taken(seed: int, length: int) -> None:
    made = events(seed, length)
    assert len(made) == length
    for event in made:
        assert refusal(event, STARTED) is None
        assert set(event) <= set(CANONICAL_SCHEMA.names)
    assert len({event["event_id"] for event in made}) == length
    assert [event["event_id"] for event in made] == [f"demo-{NAME}-{n}" for n in range(1, length + 1)]


def test_the_same_run_is_the_same_to_the_byte() -> None:
    assert json.dumps(events(3, 40)) == json.dumps(events(3, 40))
    assert json.dumps(events(3, 40)) != json.dumps(events(4, 40))


def test_two_runs_share_no_id_person_or_order() -> None:
    one, other = events(), events(name="20261121T060708123-0a1c")
    for column in ("event_id", "user_pseudo_id", "transaction_id"):
        assert not {e[column] for e in one if column in e} & {e[column] for e in other if column in e}
    assert [e["event_name"] for e in one] == [e["event_name"] for e in other]


def test_events_come_one_pause_after_the_other() -> None:
    times = [event["event_timestamp"] for event in events()]
    assert times == [named_run(NAME).started_at + place * PAUSE for place in range(12)]


@pytest.mark.parametrize("seed", range(10))
def test_a_person_looks_then_fills_the_cart_then_buys(seed: int) -> None:
    visits: dict[tuple[Any, ...], list[str]] = {}
    for event in events(seed, 60):
        visits.setdefault((event["user_pseudo_id"], event["ga_session_id"]), []).append(event["event_name"])
    whole = ["page_view", "add_to_cart", "purchase"]
    assert all(names == whole[: len(names)] for names in visits.values())
    sessions = [(event["user_pseudo_id"], event["ga_session_number"]) for event in events(seed, 60)]
    for person in {who for who, _ in sessions}:
        numbers = [number for who, number in sessions if who == person]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("seed", range(10))
def test_twelve_events_have_five_sources_and_three_orders(seed: int) -> None:
    made = events(seed)
    landings = [event for event in made if event["event_name"] == "page_view"]
    assert sum("gclid=" in event["page_location"] for event in landings) == 1
    assert sum("utm_medium=email" in event["page_location"] for event in landings) == 1
    assert sum("utm_medium=social" in event["page_location"] for event in landings) == 1
    searches = [e for e in landings if "page_referrer" in e and "gclid" not in e["page_location"]]
    assert [event["page_referrer"] for event in searches] == ["https://www.google.com/"]
    assert sum("?" not in e["page_location"] and "page_referrer" not in e for e in landings) == 1
    assert sum(event["event_name"] == "purchase" for event in made) == 3
    assert len({event["user_pseudo_id"] for event in made}) == 4


def test_traffic_does_not_end_and_does_not_repeat() -> None:
    made = list(islice(traffic(named_run(NAME), 1), 1000))
    assert len({event["event_id"] for event in made}) == 1000
    now = {"event_timestamp": named_run(NAME).started_at}
    assert not [event for event in made if refusal({**event, **now}, STARTED)]
    assert 100 < len({event["user_pseudo_id"] for event in made}) < 600
