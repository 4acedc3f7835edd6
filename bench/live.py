"""What the benchmarks of the live product share: `headwater up` on free ports, and steady traffic from this machine."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from headwater.engine.address import find

EVENTS_A_REQUEST = 5
STREAM = "3141592653"  # that of the synthetic events, so that known devices go on with their histories


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """A running product: where its door is, and how to ask its engine."""

    def __init__(
        self, home: Path, process: "subprocess.Popen[bytes]", port: int, screen: str | None = None
    ) -> None:
        self.home = home
        self.process = process
        self.port = port
        self.door = f"http://127.0.0.1:{port}"
        self.screen = screen

    def ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        address = find(self.home)
        assert address, "the engine is not there"
        headers = {"Authorization": f"Bearer {address.token}"}
        answer = httpx.request(method, address.url + path, json=content, headers=headers, timeout=120)
        answer.raise_for_status()
        return answer

    def status(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/v1/status").json())

    def memory(self) -> dict[str, float]:
        """Megabytes of each process."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                status = (folder / "status").read_text()
            except OSError:
                continue
            for name in (
                {"up", "engine", "collect", "dashboard"} & set(words) if str(self.home) in words else ()
            ):
                found[name] = int(status.split("VmRSS:")[1].split()[0]) / 1024
        return found


@contextmanager
def up(
    home: Path, *, command: str = "up", screen: bool = False, environment: dict[str, str] | None = None
) -> Iterator[Up]:
    """Until its first tick is done, which may be a full build."""
    port, serve, screen_port = free_port(), free_port(), free_port()
    options = ["--no-dashboard"] if command == "up" and not screen else []
    variables = os.environ | {
        "HEADWATER_COLLECT__PORT": str(port),
        "HEADWATER_SERVE__PORT": str(serve),
        "HEADWATER_DASHBOARD__PORT": str(screen_port),
        **(environment or {}),
    }
    log = (home / f"{command}.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "headwater", "--home", str(home), command, *options],
        env=variables,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        running = Up(home, process, port, f"http://127.0.0.1:{screen_port}" if screen else None)
        deadline = time.monotonic() + 600
        while not (find(home) and running.status()["last_tick"]):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"headwater {command} did not come up: see {log.name}")
            time.sleep(0.3)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


class Visitors:
    """Visits, request by request: one visitor in three is known from history, one in ten buys."""

    def __init__(self, known: list[str], seed: int = 7) -> None:
        self._known = known
        self._chance = random.Random(seed)
        self._made = 0

    def request(self) -> bytes:
        self._made += 1
        chance, now = self._chance, time.time_ns() // 1000
        is_known = bool(self._known) and chance.random() < 1 / 3
        client = chance.choice(self._known) if is_known else f"live.{os.getpid()}.{self._made}"
        tag = "?utm_source=news&utm_medium=email" if chance.random() < 0.4 else ""
        last = "purchase" if chance.random() < 0.1 else "page_view"
        events = []
        for place, name in enumerate(["page_view", "scroll", "view_item", "add_to_cart", last]):
            params = {"session_id": str(now // 1_000_000), "page_location": f"https://shop.example/{tag}"}
            if name == "purchase":
                params |= {"value": "10.50", "currency": "USD", "transaction_id": f"{client}-{now}"}
            events.append({"name": name, "timestamp_micros": now + place, "params": params})
        return json.dumps({"client_id": client, "events": events}).encode()


async def _send(port: int, due: "asyncio.Queue[bytes]", answers: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /mp/collect?measurement_id={STREAM}&api_secret=x HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    )
    while True:
        body = await due.get()
        started = time.monotonic()
        writer.write((head % len(body)).encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 204"):
            sys.exit(f"the door answered {answer[:200]!r}")
        answers.append(time.monotonic() - started)


async def traffic(port: int, known: list[str], rate: int, seconds: float, answers: list[float]) -> int:
    """Events sent. An open loop: a request is due when it is due, whether the last one was answered or not."""
    due: asyncio.Queue[bytes] = asyncio.Queue()
    senders = [asyncio.create_task(_send(port, due, answers)) for _ in range(16)]
    visitors, started, made = Visitors(known), time.monotonic(), 0
    while (passed := time.monotonic() - started) < seconds:
        while made * EVENTS_A_REQUEST < passed * rate:
            due.put_nowait(visitors.request())
            made += 1
        await asyncio.sleep(0.005)
    while len(answers) < made:
        await asyncio.sleep(0.05)
    for sender in senders:
        sender.cancel()
    return made * EVENTS_A_REQUEST


def quantiles(values: list[float]) -> str:
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    shares = ", ".join(f"p{share * 100:.0f} {at(share):.3f} s" for share in (0.5, 0.95, 0.99))
    return f"{shares}, most {ordered[-1]:.3f} s, of {len(ordered):,}"
