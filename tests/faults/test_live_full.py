"""No room: in the journal, on its disk, on the warehouse's. The door says so, drops nothing, and goes on by itself."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from faults.live import Live, check_stored, event, listed, show
from small_disk import small_disk_in

from headwater.journal.room import GOOD_FOR

Answers = list[httpx.Response]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_in(tmp_path, megabytes=160) as disk:
        yield disk


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(disk: Path, but: int) -> Path:
    """Leaves so many bytes free."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        while (left := free(disk) - but) > 0:
            file.write(bytes(min(left, 1024 * 1024)))
            file.flush()
    return ballast


class Sender:
    """Large events, one request after the other; knows what was acknowledged."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._sent = 0
        self.acknowledged: set[str] = set()
        self.answers: Answers = []

    def send(self) -> httpx.Response:
        self._sent += 1
        ids = [f"large-{self._sent}-{place}" for place in range(10)]
        events = [
            event(event_id=one, user_pseudo_id=one, params={"text": os.urandom(10_000).hex()}) for one in ids
        ]
        answer = self._live.http.post("/v1/events", json=events)
        self.answers.append(answer)
        if answer.is_success:
            assert answer.json()["accepted"] == 10
            self.acknowledged |= set(ids)
        return answer

    def until(self, status: int, seconds: float = 60) -> httpx.Response:
        started = time.monotonic()
        while (answer := self.send()).status_code != status:
            assert time.monotonic() - started < seconds, f"never {status}: {listed(self.answers)}"
            if not answer.is_success:
                time.sleep(0.2)
        return answer


def check_refusal(answer: httpx.Response, kind: str) -> None:
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"]["type"] == kind


def test_a_full_journal(live: Callable[..., Live], capfd: pytest.CaptureFixture[str]) -> None:
    one = live(**{"collect.journal_max_mb": 16}).start("collect")
    sender = Sender(one)
    check_refusal(sender.until(429), "journal_full")
    held = len(sender.acknowledged)
    assert held > 400  # of some 20 kB each
    for _ in range(5):
        check_refusal(sender.send(), "journal_full")
    one.start("engine")
    started = time.monotonic()
    sender.until(200)
    seconds = time.monotonic() - started
    for _ in range(20):
        sender.until(200)
    one.drained()
    show(
        f"journal of 16 MB full after {held:,} events; open again {seconds:.1f} s after the engine was there; "
        f"answers {listed(sender.answers)}; {check_stored(one, sender.acknowledged)}",
        capfd,
    )


def test_a_full_disk_of_the_journal(
    small_disk: Path, tmp_path: Path, live: Callable[..., Live], capfd: pytest.CaptureFixture[str]
) -> None:
    one = live(f"duckdb:///{tmp_path}/warehouse.duckdb", small_disk).start("collect")
    sender = Sender(one)
    for left in (40_000_000, 0):  # nearly full, completely full
        for _ in range(20):
            assert sender.send().status_code == 200
        ballast = fill(small_disk, left)
        time.sleep(GOOD_FOR)  # so long may the door still go by what was free before
        for _ in range(5):
            answer = sender.send()
            assert answer.status_code == 507
            check_refusal(answer, "disk_full")
        ballast.unlink()
        assert sender.send().status_code == 200
    one.start("engine")
    one.drained()
    show(
        f"journal's disk full twice: answers {listed(sender.answers)}; {check_stored(one, sender.acknowledged)}",
        capfd,
    )


def test_a_full_disk_of_the_warehouse(
    small_disk: Path, live: Callable[..., Live], capfd: pytest.CaptureFixture[str]
) -> None:
    one = live(f"duckdb:///{small_disk}/warehouse.duckdb", **{"collect.journal_max_mb": 16})
    one.start("collect", "engine")
    sender = Sender(one)
    for _ in range(20):
        assert sender.send().status_code == 200
    one.drained()
    ballast = fill(small_disk, 0)
    check_refusal(sender.until(429), "journal_full")
    status = one.status() or {}
    assert status["state"] == "alert"
    alerts: Any = {alert["name"]: alert["message"] for alert in status["alerts"]}
    assert "free some space" in str(alerts)
    assert status["pending"] > 0
    ballast.unlink()
    started = time.monotonic()
    sender.until(200)
    seconds = time.monotonic() - started
    one.drained()
    show(
        f"warehouse's disk full: alerts {alerts}; the door was open again {seconds:.1f} s after there was room; "
        f"answers {listed(sender.answers)}; {check_stored(one, sender.acknowledged)}",
        capfd,
    )
