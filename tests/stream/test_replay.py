"""A file sent again: in order, with its pauses, moved to now, and with a word for every line that is refused."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from collector import Collector, free_port
from stream.told_door import ToldDoor, problem

HOUR = timedelta(hours=1)


def line(**columns: Any) -> dict[str, Any]:
    return {"event_name": "page_view", "user_pseudo_id": "replayed", **columns}


def ndjson(path: Path, *lines: Any) -> Path:
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def kept(door: Collector, after: int) -> list[dict[str, Any]]:
    return [json.loads(row["body"]) for row in door.rows(after) if row["reason"] is None]


@pytest.fixture
def recent(tmp_path: Path) -> Path:
    """Three events of the last hours, of nobody else."""
    now = datetime.now(UTC).replace(microsecond=0)
    who = f"recent-{time.time_ns()}"
    return ndjson(
        tmp_path / "recent.ndjson",
        line(
            user_pseudo_id=who, event_timestamp=iso(now - 3 * HOUR), page_title="Grüße", params={"a": [1.10]}
        ),
        line(user_pseudo_id=who, event_timestamp=iso(now - 2 * HOUR), event_id=f"{who}-own"),
        "",
        line(user_pseudo_id=who, event_timestamp=iso(now - HOUR), batch_event_index=7, value=49.123456789012),
    )


def test_lines_go_out_in_order_with_a_pause_between_them(run: Any, told_door: ToldDoor, recent: Path) -> None:
    ran = run(told_door.home, "--replay", str(recent), "--delay", "0.3")
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            "line 1: accepted",
            "line 2: accepted",
            "line 4: accepted",
            "3 lines sent: 3 accepted, 0 duplicates, 0 refused.",
        ],
    )
    times = [came.at for came in told_door.came]
    assert all(0.3 <= later - earlier < 5 for earlier, later in pairwise(times))
    given = [json.loads(text) for text in recent.read_text().splitlines() if text]
    places = [1, 2, 7]
    assert [json.loads(came.body) for came in told_door.came] == [
        {**one, "batch_event_index": place} for one, place in zip(given, places, strict=True)
    ]


def test_without_a_pause_they_go_in_batches(run: Any, told_door: ToldDoor, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "many.ndjson", *(line(event_timestamp=n) for n in range(1, 1202)))
    ran = run(told_door.home, "--replay", str(file), "--delay", "0")
    assert ran.out == "1,201 lines sent: 1,201 accepted, 0 duplicates, 0 refused.\n"
    bodies = [[json.loads(text) for text in came.body.splitlines()] for came in told_door.came]
    assert [len(body) for body in bodies] == [500, 500, 201]
    assert [event["event_timestamp"] for body in bodies for event in body] == list(range(1, 1202))


def test_long_lines_make_short_batches(run: Any, told_door: ToldDoor, tmp_path: Path) -> None:
    file = ndjson(
        tmp_path / "long.ndjson", *(line(event_timestamp=n, params={"long": "x" * 400_000}) for n in range(5))
    )
    run(told_door.home, "--replay", str(file), "--delay", "0")
    assert [came.body.count(b"\n") + 1 for came in told_door.came] == [2, 2, 1]


@pytest.mark.parametrize(("first", "second"), [("0", "0.01"), ("0.01", "0")])
def test_the_same_file_is_the_same_events_however_it_is_sent(
    run: Any, door: Collector, recent: Path, first: str, second: str
) -> None:
    before = door.last_seq()
    assert (
        "3 accepted, 0 duplicates, 0 refused" in run(door.home, "--replay", str(recent), "--delay", first).out
    )
    again = run(door.home, "--replay", str(recent), "--delay", second)
    assert again.out.splitlines()[-1] == "3 lines sent: 0 accepted, 3 duplicates, 0 refused."
    rows = kept(door, before)
    assert [row["batch_event_index"] for row in rows] == [1, 2, 7]
    assert rows[0]["params"] == {"a": [1.1], "page_title": "Grüße"}
    assert rows[2]["value"] == "49.123457"


def test_old_events_are_late_and_now_moves_them(run: Any, door: Collector, tmp_path: Path) -> None:
    who = f"old-{time.time_ns()}"
    stamps = ["2020-01-01T12:00:00+02:00", 1577872800000000 + 90_500_000, "2020-01-01T09:59:00.25"]
    file = ndjson(
        tmp_path / "old.ndjson", *(line(user_pseudo_id=who, event_timestamp=at) for at in stamps), line()
    )
    ran = run(door.home, "--replay", str(file), "--delay", "0")
    assert re.findall(r"line (\d): refused: (\w+)", ran.out) == [
        *[(str(number), "late_event") for number in (1, 2, 3)],
        ("4", "missing_timestamp"),
    ]
    assert ran.out.splitlines()[-1] == "4 lines sent: 0 accepted, 0 duplicates, 4 refused."

    before, began = door.last_seq(), time.time()
    moved = run(door.home, "--replay", str(file), "--delay", "0", "--now")
    assert moved.out.splitlines()[-1] == "4 lines sent: 3 accepted, 0 duplicates, 1 refused."
    first, last, earliest = (row["event_timestamp"] / 1e6 for row in kept(door, before))
    assert last - first == pytest.approx(90.5, abs=1e-5)
    assert first - earliest == pytest.approx(59.75, abs=1e-5)
    assert began <= last <= time.time()


def test_csv_is_sent_row_by_row(run: Any, door: Collector, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    at = iso(datetime.now(UTC) - HOUR)
    who = f"csv-{time.time_ns()}"
    file.write_text(
        "\ufeffevent_name;event_timestamp;user_pseudo_id;value;page_title\n"
        f'page_view;{at};{who};;"two\nlines"\n'
        "\n"
        f"purchase;{at};{who};12.50;\n"
        "short;1\n"
        f"purchase;{at};{who};abc;\n",
        encoding="utf-8",
    )
    before = door.last_seq()
    ran = run(door.home, "--replay", str(file), "--delay", "0")
    assert ran.out.splitlines() == [
        "line 6: refused: malformed_csv: 2 fields where the header has 5",
        "line 7: refused: invalid_number: value is not a number below 10^12: abc",
        "4 lines sent: 2 accepted, 0 duplicates, 2 refused.",
    ]
    view, purchase = kept(door, before)
    assert (view["batch_event_index"], view["params"]) == (2, {"page_title": "two\nlines"})
    assert (purchase["batch_event_index"], purchase["value"]) == (5, "12.500000")


def test_a_line_that_is_no_event_costs_no_other(run: Any, door: Collector, tmp_path: Path) -> None:
    at = iso(datetime.now(UTC) - HOUR)
    who = f"bad-{time.time_ns()}"
    good = line(user_pseudo_id=who, event_timestamp=at)
    twice = json.dumps(good)[:-1] + ', "event_name": "again"}'
    nan = json.dumps({**good, "event_name": "nan", "value": float("nan")})
    file = ndjson(tmp_path / "bad.ndjson", "[1, 2]", good, "[1,", "no json", twice, nan, "{}")
    for delay in ("0", "0.01"):
        ran = run(door.home, "--replay", str(file), "--delay", delay)
        assert re.findall(r"line (\d): refused: (\w+)", ran.out) == [
            ("1", "malformed_json"),
            ("3", "malformed"),
            ("4", "malformed_json"),
            ("5", "malformed_json"),
            ("7", "missing_event_name"),
        ]
    assert ran.out.splitlines()[-1] == "7 lines sent: 0 accepted, 2 duplicates, 5 refused."


def test_a_door_that_is_full_is_waited_for(run: Any, told_door: ToldDoor, recent: Path) -> None:
    told_door.next.append(problem(429, "journal_full", "0.2"))
    ran = run(told_door.home, "--replay", str(recent), "--delay", "0")
    assert "The door asks to wait (journal_full: It is journal_full.) Trying again every 0.2 s." in ran.out
    assert "3 lines sent: 3 accepted" in ran.out
    assert len(told_door.came) == 2


def test_a_door_that_takes_nothing_is_told_with_the_counts(
    run: Any, told_door: ToldDoor, recent: Path
) -> None:
    told_door.next += [problem(429, "journal_full", "0.1"), problem(401, "unknown_key")]
    ran = run(told_door.home, "--replay", str(recent), "--delay", "0.01")
    assert (ran.code, ran.out.splitlines()[-1]) == (1, "0 lines sent: 0 accepted, 0 duplicates, 0 refused.")
    assert "unknown_key" in ran.err


def test_the_stream_is_the_files_own_or_the_one_that_is_named(
    run: Any, told_door: ToldDoor, recent: Path
) -> None:
    run(told_door.home, "--replay", str(recent), "--delay", "0")
    run(told_door.home, "--replay", str(recent), "--delay", "0", "--stream", "G-1", "--key", "hw_secret")
    assert [(came.path, came.authorization) for came in told_door.came] == [
        ("/v1/events", None),
        ("/v1/events?stream=G-1", "Bearer hw_secret"),
    ]


def test_files_that_cannot_be_replayed(run: Any, told_door: ToldDoor, tmp_path: Path) -> None:
    export = ndjson(
        tmp_path / "export.json", {"event_date": "20260501", "event_timestamp": "1", "event_params": []}
    )
    no_times = ndjson(tmp_path / "none.ndjson", line(), line(event_timestamp="soon"))
    for words, told in (
        ([str(tmp_path / "nowhere.csv")], "does not exist"),
        ([str(tmp_path)], "is a folder: name one file"),
        ([str(export)], "is neither CSV nor NDJSON with canonical columns: `headwater load` may take it"),
        ([str(no_times), "--now"], "has no event_timestamp that can be read: send it without --now"),
    ):
        ran = run(told_door.home, "--replay", *words)
        assert (ran.code, told in ran.err) == (1, True), ran.err
    assert told_door.came == []


def test_no_door(run: Any, tmp_path: Path, recent: Path) -> None:
    port = free_port()
    (tmp_path / "headwater.toml").write_text(f"[collect]\nport = {port}\n")
    sentence = f"error: Nothing answers at http://127.0.0.1:{port}: start it with `headwater up`.\n"
    for words in (
        [],
        ["--test-mode"],
        ["--rate", "5", "--seconds", "1"],
        ["--replay", str(recent)],
        ["--door", "mp"],
    ):
        ran = run(tmp_path, *words)
        assert (ran.code, ran.err) == (1, sentence), words
