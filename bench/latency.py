"""How long after the door has taken an event do the marts show it, while others keep coming?

`headwater up` on a copy of a warehouse with history, and steady traffic from this same machine: Measurement Protocol requests of
five events of one visitor, one visitor in three known from history. Every two seconds a probe buys something and asks the
marts until it is there: that is what a user would see, with the asking in it. Beside it the usual way: new events into a
file, then the command line's `load` and `build`, again and again.

    python bench/latency.py [--events 10000000] [--rate 1000] [--seconds 600] [--url postgresql://…]
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from common import headwater, loaded, machine

from headwater.engine.address import find
from headwater.settings import load_settings
from headwater.warehouse import open_warehouse

EVENTS_A_REQUEST = 5
PROBE_SECONDS = 2.0
TURNS = 5  # of the usual way


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Visitors:
    """Visits of people new and known, request by request."""

    def __init__(self, known: list[str]) -> None:
        self._known = known
        self._chance = random.Random(7)
        self._made = 0

    def request(self) -> bytes:
        self._made += 1
        chance = self._chance
        client = chance.choice(self._known) if chance.random() < 1 / 3 else f"live.{os.getpid()}.{self._made}"
        now = time.time_ns() // 1000
        session = str(now // 1_000_000)
        page = (
            "https://shop.example/?utm_source=news&utm_medium=email"
            if chance.random() < 0.4
            else "https://shop.example/a"
        )
        names = [
            "page_view",
            "scroll",
            "view_item",
            "add_to_cart",
            "purchase" if chance.random() < 0.1 else "page_view",
        ]
        events = [
            {
                "name": name,
                "timestamp_micros": now + place,
                "params": {
                    "session_id": session,
                    "page_location": page,
                    **(
                        {"value": 10.5, "currency": "USD", "transaction_id": f"{client}-{now}"}
                        if name == "purchase"
                        else {}
                    ),
                },
            }
            for place, name in enumerate(names)
        ]
        return json.dumps({"client_id": client, "events": events}).encode()


async def sender(port: int, due: "asyncio.Queue[bytes]", answers: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /mp/collect?measurement_id=3141592653&api_secret=x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    while True:
        body = await due.get()
        started = time.monotonic()
        writer.write(head % len(body) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 204"):
            sys.exit(f"the door answered {answer[:200]!r}")
        answers.append(time.monotonic() - started)


async def traffic(port: int, known: list[str], rate: int, seconds: float, answers: list[float]) -> int:
    """Open loop: a request is due when it is due, whether the last one was answered or not."""
    due: asyncio.Queue[bytes] = asyncio.Queue()
    senders = [asyncio.create_task(sender(port, due, answers)) for _ in range(16)]
    visitors, started, made = Visitors(known), time.monotonic(), 0
    while (passed := time.monotonic() - started) < seconds:
        while made * EVENTS_A_REQUEST < passed * rate:
            due.put_nowait(visitors.request())
            made += 1
        await asyncio.sleep(0.005)
    while not due.empty() or len(answers) < made:
        await asyncio.sleep(0.05)
    for task in senders:
        task.cancel()
    return made * EVENTS_A_REQUEST


def probe(door: str, engine: httpx.Client, number: int) -> float:
    """Seconds from the answer of the door until mart_attribution's own source shows the order."""
    order = f"probe-{os.getpid()}-{number}"
    event = {
        "name": "purchase",
        "params": {"value": 1, "currency": "USD", "transaction_id": order, "session_id": "1"},
    }
    httpx.post(
        f"{door}/mp/collect?measurement_id=3141592653&api_secret=x",
        json={"client_id": order, "timestamp_micros": time.time_ns() // 1000, "events": [event]},
    ).raise_for_status()
    taken = time.monotonic()
    sql = f"select count(*) as n from mart_attribution where conversion_date >= current_date - 1 and source = '(direct)'"
    sql = f"select 1 as seen from int_attribution_credits where conversion_id in (select conversion_id from int_conversions where transaction_id = '{order}') limit 1"
    import pyarrow as pa

    while time.monotonic() - taken < 60:
        answer = engine.post("/v1/query", json={"sql": sql})
        answer.raise_for_status()
        if pa.ipc.open_stream(answer.content).read_all().num_rows:
            return time.monotonic() - taken
        time.sleep(0.05)
    sys.exit("a probe was not seen within a minute")


def probes(door: str, home: Path, until: float) -> list[float]:
    address = find(home)
    assert address
    seen = []
    with httpx.Client(
        base_url=address.url, headers={"Authorization": f"Bearer {address.token}"}, timeout=60
    ) as engine:
        while time.monotonic() < until:
            started = time.monotonic()
            seen.append(probe(door, engine, len(seen)))
            time.sleep(max(PROBE_SECONDS - (time.monotonic() - started), 0))
    return seen


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def quantiles(values: list[float]) -> str:
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    return f"p50 {at(0.5):.3f} s, p95 {at(0.95):.3f} s, p99 {at(0.99):.3f} s, most {ordered[-1]:.3f} s ({len(ordered):,})"


def usual_way(home: Path, known: list[str], rate: int) -> float:
    """Seconds of one turn of a loop around the command line."""
    visitors, turns, turn = Visitors(known), [], 1.0
    for _ in range(TURNS):
        started = time.monotonic()
        events: list[dict[str, Any]] = []
        while len(events) < rate * turn:
            request = json.loads(visitors.request())
            for event in request["events"]:
                params = event["params"]
                events.append(
                    {
                        "event_name": event["name"],
                        "event_timestamp": event["timestamp_micros"],
                        "user_pseudo_id": request["client_id"],
                        "ga_session_id": params["session_id"],
                        "stream_id": "3141592653",
                        "page_location": params["page_location"],
                    }
                )
        file = home / "new.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        headwater(home, "load", str(file))
        headwater(home, "build")
        turn = time.monotonic() - started
        turns.append(turn)
    return statistics.median(turns)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--rate", type=int, default=1_000)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--url")
    given = options.parse_args()
    print(machine())
    history = loaded(given.events)
    home = history.parent / "latency"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    shutil.copy(history / "warehouse.duckdb", home)
    environ = {"HEADWATER_COLLECT__PORT": str(free_port()), "HEADWATER_SERVE__PORT": str(free_port())}
    os.environ |= environ
    settings = load_settings(home)
    with open_warehouse(settings) as warehouse:
        known = warehouse.query(
            "select device_id from (select distinct device_id from ga4_events_raw) using sample 50000 rows"
        )["device_id"].to_pylist()
    door = f"http://127.0.0.1:{settings.collect.port}"
    up = subprocess.Popen(
        [sys.executable, "-m", "headwater", "--home", str(home), "up"], start_new_session=True
    )
    try:
        deadline = time.monotonic() + 300
        while True:  # the first build may be a full one
            if time.monotonic() > deadline:
                sys.exit("the engine did not come up")
            address = find(home)
            if address:
                status = httpx.get(
                    f"{address.url}/v1/status",
                    headers={"Authorization": f"Bearer {address.token}"},
                    timeout=60,
                ).json()
                if status["last_tick"]:
                    break
            time.sleep(0.5)
        answers: list[float] = []
        measure(settings.collect.port, door, home, known, given, answers)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)
    turn = usual_way(home, known, given.rate)
    print(
        f"the usual way: a turn of load and build takes {turn:.1f} s, so an event waits {turn:.1f} s on average, up to {2 * turn:.1f} s"
    )


def measure(
    port: int, door: str, home: Path, known: list[str], given: argparse.Namespace, answers: list[float]
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    address = find(home)
    assert address
    with ThreadPoolExecutor(1) as beside:
        probing = beside.submit(probes, door, home, time.monotonic() + given.seconds)
        sent = asyncio.run(traffic(port, known, given.rate, given.seconds, answers))
        headers = {"Authorization": f"Bearer {address.token}"}
        status = httpx.get(f"{address.url}/v1/status", headers=headers, timeout=60).json()
        seen = probing.result()
    print(
        f"{datetime.now(UTC):%H:%M:%S} {sent:,} events in {given.seconds:.0f} s; the door answered: {quantiles(answers)}"
    )
    print(
        f"accepted to visible, as the engine measures every event of the last five minutes: {status['latency']['received_to_visible']}"
    )
    for stage, found in status["latency"].items():
        print(f"  {stage}: {found}")
    print(f"probes, from the door's answer until a query shows it: {quantiles(seen)}")
    print(
        f"engine {memory_mb(address.pid):,.0f} MB; ticks {status['ticks']}; books: "
        + ", ".join(
            f"{name} {status[name]:,}"
            for name in ("accepted", "loaded", "duplicates", "dead_letters", "pending")
        )
    )


if __name__ == "__main__":
    main()
