"""kill -9 of the door, of the engine and of both, and an orderly stop, under load. KILL_ROUNDS=50 kills more often."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest
from faults.live import Live, Traffic, check_all, check_stored, show

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
VICTIMS = (("engine",), ("collect",), ("collect", "engine"))


def test_what_is_killed_under_load(
    live: Callable[..., Live], empty_warehouse: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    one = live(empty_warehouse()).start("collect", "engine")
    traffic, dice = Traffic(one.url, "kill"), random.Random()
    for number in range(ROUNDS):
        time.sleep(dice.uniform(0.3, 2.5))
        victims = VICTIMS[number % len(VICTIMS)]
        one.kill(*victims)
        time.sleep(dice.choice((0, 0.5)))
        one.launch(*victims)
    one.until(one.is_open, "the door does not open")
    time.sleep(0.5)
    acknowledged = traffic.stop()
    assert len(acknowledged) > 100 * ROUNDS
    assert traffic.repeated > 0
    assert traffic.refused == 0
    seconds = one.drained()
    show(
        f"killed {ROUNDS} times: {traffic}; caught up {seconds:.1f} s after; {check_all(one, acknowledged)}",
        capfd,
    )


def test_an_orderly_stop_under_load(live: Callable[..., Live], capfd: pytest.CaptureFixture[str]) -> None:
    one = live().start("up")
    parts = one.children()
    assert len(parts) == 2
    traffic = Traffic(one.url, "stop")
    time.sleep(1.5)
    started = time.monotonic()
    one.process("up").send_signal(signal.SIGTERM)
    code = one.process("up").wait(20)
    seconds = time.monotonic() - started
    assert code == 0, one.log("up")
    assert seconds < 10
    assert not any(os.path.exists(f"/proc/{part}") for part in parts)
    assert "Traceback" not in one.log("up")
    acknowledged = traffic.stop()
    assert len(acknowledged) > 100

    one.start("collect", "engine")
    one.drained()
    show(f"stopped in {seconds:.1f} s: {traffic}; {check_stored(one, acknowledged)}", capfd)
