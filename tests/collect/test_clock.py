"""When a request was received, while the system's clock goes wrong."""

import json
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.collect.clock import FURTHEST_AHEAD, Clock

HOUR = 3_600_000_000
NOON = 1_780_000_000_000_000


class Wall:
    """The system's clock, set by hand."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at * 1000


@pytest.mark.parametrize("workers", [1, 2])
def test_a_receipt_is_later_than_the_one_before(workers: int) -> None:
    wall = Wall(NOON)
    clock = Clock(0, workers, wall)
    assert [clock.receipt(), clock.receipt()] == [NOON, NOON + 1]
    wall.at = NOON - HOUR
    assert [clock.receipt(), clock.receipt()] == [NOON + 2, NOON + 3]
    wall.at = NOON + 3
    assert clock.receipt() == NOON + 4
    wall.at = NOON + 50
    assert clock.receipt() == NOON + 50


def test_it_goes_on_after_the_last_one_of_all() -> None:
    wall = Wall(NOON)
    assert Clock(NOON - 5, 1, wall).receipt() == NOON
    assert Clock(NOON + HOUR, 1, wall).receipt() == NOON + HOUR + 1


def test_a_clock_that_was_far_ahead_is_not_held_to() -> None:
    wall = Wall(NOON)
    assert Clock(NOON + FURTHEST_AHEAD, 1, wall).receipt() == NOON
    clock = Clock(0, 1, wall)
    clock.receipt()
    wall.at = NOON - FURTHEST_AHEAD
    assert clock.receipt() == NOON - FURTHEST_AHEAD


def test_workers_share_it(tmp_path: Path) -> None:
    wall = Wall(NOON)  # and stands still
    clock = Clock(0, 3, wall)

    children = []
    for number in range(3):
        child = os.fork()
        if not child:
            try:
                (tmp_path / str(number)).write_text(json.dumps([clock.receipt() for _ in range(2_000)]))
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    each = [json.loads(file.read_text()) for file in tmp_path.iterdir()]
    assert all(times == sorted(times) for times in each)
    assert sorted(at for times in each for at in times) == list(range(NOON, NOON + 6_000))


HIT = "/g/collect?v=2&tid=G-CLOCK&cid=1.2&sid=5&en=page_view&_p={page}&_s=1"

# What Python imports at its start: the clock as a file says.
SET_BY_FILE = """
import time
from pathlib import Path

_true, _step = time.time_ns, Path({step!r})
time.time_ns = lambda: _true() + int(_step.read_text())
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_hits_keep_their_order_when_the_clock_steps_back(collector: Callable[..., Any], workers: int) -> None:
    door = collector(workers=workers)
    step = door.home / "step"
    step.write_text("0")
    (door.home / "sitecustomize.py").write_text(SET_BY_FILE.format(step=str(step)))
    path = [str(door.home), *filter(None, [os.environ.get("PYTHONPATH")])]
    door.environment["PYTHONPATH"] = os.pathsep.join(path)
    door.start()
    page = 0

    def send(count: int) -> None:
        nonlocal page
        for _ in range(count):
            page += 1  # a connection each, so that all workers are asked
            assert httpx.post(door.url + HIT.format(page=page)).status_code == 204

    send(5)
    step.write_text(str(-HOUR * 1000))
    send(5)
    assert door.stop() == 0
    door.start()
    send(5)
    events = [json.loads(row["body"]) for row in door.rows()]
    assert [event["batch_page_id"] for event in events] == list(range(1, 16))
    times = [event["event_timestamp"] for event in events]
    assert times == [event["received_at"] for event in events]
    assert all(before < after for before, after in pairwise(times))
    assert times[-1] < time.time_ns() // 1000 + 60_000_000
    assert door.stop() == 0
    step.write_text(str(-48 * HOUR * 1000))
    door.start()
    send(1)
    assert json.loads(door.rows()[-1]["body"])["received_at"] < times[0] - 47 * HOUR
