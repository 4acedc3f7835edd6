"""The collector as a process: stopped, killed, with several workers."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))


class Senders:
    """Threads that send small requests until the door is gone, and note what was acknowledged."""

    def __init__(self, url: str, run: str, count: int = 4) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: set[int] = set()
        self._stops = False
        self._threads = [threading.Thread(target=self._send, args=(url, f"{run}-{n}")) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _send(self, url: str, name: str) -> None:
        with httpx.Client(base_url=url, timeout=10) as http:
            number = 0
            while not self._stops:
                number += 1
                ids = [f"{name}-{number}-{n}" for n in range(3)]
                events = [
                    {
                        "event_id": one,
                        "event_name": "a",
                        "event_timestamp": time.time_ns() // 1000,
                        "user_id": "u",
                    }
                    for one in ids
                ]
                try:
                    answer = http.post("/v1/events", json=events)
                except httpx.TransportError:
                    return
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    self.acknowledged.update(ids)

    def join(self) -> set[str]:
        self._stops = True
        for thread in self._threads:
            thread.join()
        return self.acknowledged


def ids(collector: Any) -> list[str]:
    return [json.loads(row["body"])["event_id"] for row in collector.rows()]


def test_what_was_acknowledged_survives_kill(collector: Callable[..., Any]) -> None:
    one = collector()
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        one.start()
        senders = Senders(one.url, f"round{number}")
        time.sleep(0.4 + 0.13 * number)
        assert one.stop(signal.SIGKILL) == -signal.SIGKILL
        acknowledged |= senders.join()
    found = ids(one)
    assert len(found) == len(set(found))
    assert len(acknowledged) > 50 * ROUNDS
    assert acknowledged <= set(found)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_under_load(
    collector: Callable[..., Any], workers: int, number: signal.Signals
) -> None:
    one = collector(workers=workers).start()
    senders = Senders(one.url, "stop")
    time.sleep(0.4)
    started = time.monotonic()
    assert one.stop(number) == 0
    assert time.monotonic() - started < 10
    acknowledged = senders.join()
    assert acknowledged
    assert senders.statuses <= {200, 503}
    assert acknowledged <= set(ids(one))
    log = one.log.read_text()
    assert "Stopped; all that was taken is on disk." in log
    assert "Traceback" not in log
    assert len(log.splitlines()) == 2


def test_a_request_under_way_is_answered(collector: Callable[..., Any]) -> None:
    one = collector().start()
    body = json.dumps(
        [{"event_name": "a", "event_timestamp": time.time_ns() // 1000, "user_id": "u"}]
    ).encode()
    has_begun = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield body[:10]
        has_begun.set()
        time.sleep(1)
        yield body[10:]

    answers: list[httpx.Response] = []
    sender = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{one.url}/v1/events", content=slowly()))
    )
    sender.start()
    has_begun.wait()
    time.sleep(0.2)
    assert one.stop() == 0
    sender.join()
    assert answers[0].json()["accepted"] == 1
    assert len(one.rows()) == 1


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="NO WORKER KILLED: this system has no /proc")
def test_a_worker_that_dies_is_started_anew(collector: Callable[..., Any]) -> None:
    one = collector(workers=2).start()
    workers = _children(one.process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(now := _children(one.process.pid)) < 2 or workers[0] in now:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for n in range(30):
        event = {"event_name": "a", "event_timestamp": time.time_ns() // 1000, "user_id": f"u{n}"}
        # a new connection each, so that both workers are asked
        assert httpx.post(f"{one.url}/v1/events", json=[event]).status_code == 200
    lines = [httpx.get(f"{one.url}/metrics").text.splitlines() for _ in range(4)]
    counted = {
        line for text in lines for line in text if line.startswith('headwater_door_events_total{outcome="acc')
    }
    assert counted == {'headwater_door_events_total{outcome="accepted"} 30.0'}
    assert "another is started" in one.log.read_text()
    assert one.stop() == 0
    assert len(one.rows()) == 30


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="NO WORKER ORPHANED: this system has no /proc"
)
def test_workers_end_with_their_parent(collector: Callable[..., Any]) -> None:
    one = collector(workers=2).start()
    workers = _children(one.process.pid)
    one.stop(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}/stat").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
