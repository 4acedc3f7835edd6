"""PostgreSQL goes away under load, in three ways, and comes back. OUTAGE_SECONDS=60 leaves it away for longer."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from faults.live import Live, Traffic, check_all, check_books, environment, show
from faults.relay import Relay

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "5"))


@pytest.fixture
def empty_postgres(postgres_server: Any) -> Any:
    postgres_server.psql(
        "set client_min_messages = warning; drop schema if exists public_build cascade; "
        "drop schema if exists public cascade; create schema public;"
    )
    return postgres_server


@contextmanager
def stopped(server: Any, relay: Relay) -> Iterator[None]:
    """As its host's administrator stops it."""
    server.stop()
    try:
        yield
    finally:
        server.ensure_postgres_running()


@contextmanager
def frozen(server: Any, relay: Relay) -> Iterator[None]:
    """As on a host that hangs: connections stay open, and nobody answers."""
    first = int(server.get_pid())
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    processes = [first, *map(int, children)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


@contextmanager
def silent(server: Any, relay: Relay) -> Iterator[None]:
    """As behind a network that swallows all packets; at the end the old connections are broken."""
    relay.fall_silent()
    try:
        yield
    finally:
        relay.speak_again()


def test_postgres_goes_away_and_comes_back(
    empty_postgres: Any,
    live: Callable[..., Live],
    capfd: pytest.CaptureFixture[str],
) -> None:
    relay = Relay(Path(socket_of(empty_postgres)))
    try:
        one = live(f"postgresql://postgres@127.0.0.1:{relay.port}/postgres").start("collect", "engine")
        acknowledged: set[str] = set()
        for outage in (stopped, frozen, silent):
            acknowledged |= gone_and_back(one, outage, empty_postgres, relay, capfd)
        show(f"after three outages: {check_all(one, acknowledged)}", capfd)
    finally:
        relay.close()


def test_a_wire_that_is_cut(empty_postgres: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """No packet comes through, and nobody is told: only the client's own patience ends that."""
    can = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"],
        capture_output=True,
    )
    if can.returncode != 0:
        pytest.skip("NO WIRE CUT: that takes root and network namespaces with veth")
    done = subprocess.run(
        [
            "unshare",
            "--net",
            sys.executable,
            Path(__file__).with_name("blackhole.py"),
            "near",
            socket_of(empty_postgres),
        ],
        env={**environment(), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    (asked, opened) = json.loads(done.stdout)
    assert asked[0] == opened[0] == "WarehouseUnavailable"
    assert asked[1] < 10
    assert opened[1] < 10
    show(f"wire cut: a query says so after {asked[1]} s, a new connection after {opened[1]} s", capfd)


def socket_of(server: Any) -> str:
    folder = re.search(r"host=([^&]+)", server.get_uri())
    assert folder
    return f"{folder[1]}/.s.PGSQL.5432"


def gone_and_back(
    one: Live,
    outage: Callable[[Any, Relay], AbstractContextManager[None]],
    server: Any,
    relay: Relay,
    capfd: pytest.CaptureFixture[str],
) -> set[str]:
    traffic = Traffic(one.url, outage.__name__, pause=0.03)
    time.sleep(0.5)
    told: list[dict[str, Any]] = []
    with outage(server, relay):
        until = time.monotonic() + OUTAGE
        while time.monotonic() < until or not told:
            status = one.status()
            if status and status["alerts"]:
                told.append(status)
            assert time.monotonic() < until + 30, "no alert tells of the outage"
            time.sleep(0.2)
    back = time.monotonic()
    time.sleep(0.5)
    acknowledged = traffic.stop()
    one.drained()
    seconds = time.monotonic() - back
    # the door has noticed nothing
    assert set(traffic.statuses) == {200}
    assert (traffic.resent, traffic.refused) == (0, 0)
    assert told[-1]["state"] == "alert"
    assert told[-1]["pending"] > 0
    # what waits in the journal waits to be seen
    assert told[-1]["freshness_seconds"] > OUTAGE / 2
    for status in told:
        check_books(status)
    names = sorted({alert["name"] for status in told for alert in status["alerts"]})
    show(
        f"PostgreSQL {outage.__name__} for {OUTAGE:.0f} s: alerts {names}, {told[-1]['pending']:,} pending; {traffic}; "
        f"caught up {seconds:.1f} s after it was back",
        capfd,
    )
    return acknowledged
