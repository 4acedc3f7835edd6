"""The demo on the real product: it is seen in the marts, and a run sent again changes nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from collector import Collector
from faults.live import Live
from stream.told_door import ToldDoor

from headwater.engine.client import RemoteWarehouse


def marts(up: Live) -> list[Any]:
    """All that readers see, in one order."""
    engine = up.engine()
    try:
        warehouse = RemoteWarehouse(engine)
        tables = ("mart_attribution", "mart_channel_performance", "int_attribution_credits", "stg_ga4_events")
        return [warehouse.query(f"select * from {table} order by all").to_pylist() for table in tables]
    finally:
        engine.close()


def stages(told: str) -> dict[str, list[float]]:
    """Median and slowest of each stage for which both were told."""
    return {
        stage: [float(cell) for cell in cells.split("|") if cell.strip()]
        for stage, cells in re.findall(r"^\| (\w+ → \w+) +\|([ 0-9.|]+)\|$", told, re.MULTILINE)
    }


@pytest.mark.parametrize(("door", "length"), [("v1", 12), ("mp", 5), ("gtag", 5)])
def test_the_demo_is_seen_in_the_marts_and_sent_again_it_changes_nothing(
    run: Any, up: Live, door: str, length: int
) -> None:
    words = ["--test-mode", "--door", door, "--events", str(length), "--timeout", "60"]
    ran = run(up.home, *words)
    assert ran.code == 0, ran.err
    assert len(re.findall(r"^ +\d+  \w+ +person \d ", ran.out, re.MULTILINE)) == length
    seconds = stages(ran.out)
    assert list(seconds) == [
        "generated → received",
        "received → journal",
        "journal → warehouse",
        "warehouse → mart",
        "received → mart",
    ]
    assert all(0 <= median <= slowest < 60 for median, slowest in seconds.values())
    assert seconds["received → mart"][0] > 0
    # person 1 came by the ad, then by the newsletter
    orders = [float(price) for price in re.findall(r"person 1 buys for ([\d.]+)", ran.out)]
    (paid,) = re.findall(r"^\| Paid Search +\|(.*)\|$", ran.out, re.MULTILINE)
    assert [cell.strip() for cell in paid.split("|")][:3] == [f"{orders[0]:.2f}", "-", f"{orders[0] / 2:.2f}"]

    before = marts(up)
    (again,) = re.findall(r"changes nothing: .* stream (--run .+) --home", ran.out)
    repeated = run(up.home, *again.split(), "--timeout", "60", "--test-mode")
    assert repeated.code == 0, repeated.err
    assert "Nothing in the marts has changed:" in repeated.out
    assert stages(repeated.out) == seconds  # also those that the door did not say this time
    counts = (
        f"0 accepted, {length} duplicates, 0 refused."
        if door == "v1"
        else f"{length} taken (this door does not say"
    )
    assert counts in repeated.out
    up.drained()
    assert marts(up) == before


def test_steady_traffic_and_a_file_are_loaded_too(run: Any, up: Live, tmp_path: Path) -> None:
    up.drained()
    before = up.status()
    file = tmp_path / "events.csv"
    file.write_text("event_name,event_timestamp,user_pseudo_id\npage_view,2020-01-01T00:00:00Z,csv\n")
    assert run(up.home, "--rate", "100", "--seconds", "1").code == 0
    assert run(up.home, "--replay", str(file), "--now").code == 0
    up.drained()
    after = up.status()
    assert before
    assert after
    assert after["loaded"] - before["loaded"] == 101


def test_a_run_of_long_ago_is_refused(run: Any, up: Live) -> None:
    words = ["--run", "20200101T000000000-0a1b", "--events", "3"]
    ran = run(up.home, *words, "--test-mode")
    assert (ran.code, ran.out.count("refused: late_event")) == (1, 3)
    assert "error: The door refused 3 of 3 events (late_event: " in ran.err
    assert "leave out --run for a new run." in ran.err
    shown = run(up.home, *words)
    assert (shown.code, shown.err) == (0, ran.err.replace("error:", "warning:"))


def test_a_new_run_takes_its_time_and_an_earlier_one_goes_at_once(run: Any, told_door: ToldDoor) -> None:
    (again,) = re.findall(r"stream (--run .+) --home", run(told_door.home, "--events", "4").out)
    first = told_door.came[:4]
    assert 0.5 < first[3].at - first[0].at < 10
    for _ in range(5):  # a busy machine may have been slow
        run(told_door.home, *again.split())
        second = told_door.came[-4:]
        assert [came.body for came in second] == [came.body for came in first]
        if second[3].at - second[0].at < 0.5:
            break
    assert second[3].at - second[0].at < 0.5


def test_without_an_engine_the_demo_says_so(run: Any, door: Collector) -> None:
    sentence = "The events are in the journal, and no engine is running that loads them: start it with `headwater up`."
    ran = run(door.home, "--events", "2", "--test-mode")
    assert (ran.code, ran.err) == (1, f"error: {sentence}\n")
    ran = run(door.home, "--events", "2", "--seed", "4", "--stream", "G-1")
    assert (ran.code, ran.err) == (0, f"warning: {sentence}\n")
    assert re.search(r"stream --run \S+ --seed 4 --events 2 --stream G-1 --home", ran.out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--delay", "2"], "--delay goes with --replay: add that."),
        (["--now"], "--now goes with --replay: add that."),
        (["--seconds", "2"], "--seconds goes with --rate: add that."),
        (["--rate", "5", "--replay", "x"], "--replay does not go with --rate: leave one of them out."),
        (["--rate", "5", "--test-mode"], "--test-mode does not go with --rate: leave one of them out."),
        (["--replay", "x", "--events", "5"], "--events does not go with --replay: leave one of them out."),
        (
            ["--replay", "x", "--door", "mp"],
            "--replay sends canonical events, which --door mp does not take.",
        ),
        (["--door", "gtag", "--key", "k"], "A tag sends no key: leave out --key, and name a stream"),
        (["--run", "x"], "'x' is no run: take the name"),
        (["--events", "0"], "--events"),
        (["--rate", "0"], "--rate"),
        (["--door", "v2"], "'v2' is not one of 'v1', 'mp', 'gtag'"),
    ],
)
def test_options_that_make_no_sense(run: Any, tmp_path: Path, words: list[str], told: str) -> None:
    ran = run(tmp_path, *words)
    assert ran.code == 2
    assert told in ran.err
    assert ran.err.count("\n") == 1
