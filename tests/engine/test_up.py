"""`headwater up` as a user has it: real processes, killed and stopped."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from engine.process import Home, until
from engine.stream import purchase

from headwater.engine.address import find
from headwater.engine.client import Engine
from headwater.errors import HeadwaterError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    yield made
    made.close()


def is_open(home: Home) -> bool:
    try:
        return httpx.get(home.door + "/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def children(home: Home) -> dict[str, int]:
    """Of the supervisor: their numbers by their command."""
    assert home.process
    listed = Path(f"/proc/{home.process.pid}/task/{home.process.pid}/children").read_text().split()
    found = {}
    for number in listed:
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
        if "--home" in words:
            found[words[words.index("--home") + 2]] = int(number)
    return found


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def send(home: Home, number: int) -> None:
    event = purchase(number, event_timestamp=time.time_ns() // 1000)
    answer = httpx.post(home.door + "/v1/events", json=[event], timeout=60)
    assert answer.status_code == 200, answer.text


def orders(home: Home) -> list[str]:
    address = find(home.home)
    if not address:
        return []
    engine = Engine(address)
    try:
        answer = engine.ask("POST", "/v1/query", {"sql": "select 1 as one"})
        assert answer.status_code == 200
        import pyarrow as pa

        sql = "select conversion_id from int_conversions order by conversion_id"
        found = pa.ipc.open_stream(engine.ask("POST", "/v1/query", {"sql": sql}).content).read_all()
        return list(found["conversion_id"].to_pylist())
    except HeadwaterError:
        return []
    finally:
        engine.close()


def test_up(home: Home) -> None:
    home.start("up")
    until(lambda: is_open(home), 60, home.said)
    send(home, 1)
    until(lambda: orders(home) == ["e1"], 60, home.said)  # behind the first build, which is a full one
    send(home, 2)
    until(lambda: orders(home) == ["e1", "e2"], 60, home.said)

    for word in ("engine", "up"):  # a second one
        second = home.run(word)
        assert second.returncode == 1
        assert "error: An engine of this home is running already" in second.stderr

    # the engine is killed: the door stays open, and another engine goes on
    first = children(home)
    os.kill(first["engine"], signal.SIGKILL)
    send(home, 3)
    until(lambda: children(home).get("engine") not in (None, first["engine"]), 60, home.said)
    until(lambda: orders(home) == ["e1", "e2", "e3"], 120, home.said)

    # the engine hangs: the door, killed meanwhile, is started anew all the same
    hanging = children(home)["engine"]
    os.kill(hanging, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(first["collect"], signal.SIGKILL)
    until(lambda: not is_open(home), 40)
    until(lambda: is_open(home), 60, home.said)
    send(home, 4)
    os.kill(hanging, signal.SIGCONT)
    until(lambda: orders(home) == ["e1", "e2", "e3", "e4"], 60, home.said)

    last = children(home)
    code, seconds = home.stop(signal.SIGINT)
    assert code == 0, home.said()
    assert seconds < 10
    assert not any(is_alive(process) for process in (*first.values(), *last.values()))
    assert find(home.home) is None
    status = home.run("status")
    assert (status.returncode, status.stdout.splitlines()[0]) == (
        0,
        "stopped: no engine is running; `headwater up` starts one.",
    )
    assert "books: 4 events accepted = 4 loaded + 0 duplicates + 0 dead letters + 0 pending" in status.stdout


def test_no_part_outlives_a_supervisor_that_was_killed(home: Home) -> None:
    home.start("up")
    until(lambda: is_open(home) and find(home.home), 120, home.said)
    parts = children(home)
    assert sorted(parts) == ["collect", "engine"]
    assert home.process
    home.process.kill()
    until(lambda: not any(is_alive(part) for part in parts.values()), 60, home.said)
    assert find(home.home) is None  # it has ended in order


def test_a_part_that_cannot_work_ends_it_all_with_a_sentence(home: Home) -> None:
    (home.home / "warehouse.duckdb").write_bytes(b"This is a text.\n" * 1000)
    ended = home.run("up")
    assert ended.returncode == 1
    assert "is not a DuckDB file" in ended.stderr
    assert "error: engine ends as soon as it starts: its last message above says why." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not is_open(home)
