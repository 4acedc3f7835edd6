"""How much the door takes: events and requests a second, and how long an answer takes.

    python bench/door.py [--seconds 1] [--rounds 20] [--connections 64]

One worker, on a real disk, and the senders beside it on the same cores: keep-alive connections over plain sockets."""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common import machine

EMPTY_SERVER = """
import sys
import uvicorn
from litestar import Litestar, Request, post
from litestar.response.base import ASGIResponse

@post("/mp/collect")
async def nothing(request: Request) -> ASGIResponse:
    await request.body()
    return ASGIResponse(status_code=204)

uvicorn.run(
    Litestar([nothing], openapi_config=None, logging_config=None), port=int(sys.argv[1]), loop="uvloop",
    http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
)
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def server(*command: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    process = subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def door() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory(dir=Path.home()) as home:
        # the limits are not what is measured
        (Path(home) / "headwater.toml").write_text(f"[collect]\nport = {port}\nrate_limit = 1000000\n")
        with server("-m", "headwater", "collect", "--home", home, port=port):
            yield port


@contextmanager
def empty() -> Iterator[int]:
    port = free_port()
    with server("-c", EMPTY_SERVER, str(port), port=port):
        yield port


_run = 0


def requests(events: int) -> Callable[[], bytes]:
    """Measurement Protocol requests, each of events that were never sent before."""
    global _run
    _run += 1
    number = 0
    params = {
        "session_id": "1717000000",
        "engagement_time_msec": 1200,
        "page_location": "https://shop.example/shoes/red?utm_source=news&utm_medium=email&utm_campaign=spring",
        "page_referrer": "https://www.google.com/",
        "page_title": "Red shoes | Shop",
        "language": "en-gb",
    }
    one = json.dumps({"name": "page_view", "params": params})
    body = '{"client_id":"%s.%s","timestamp_micros":%d,"events":[' + ",".join([one] * events) + "]}"

    def make() -> bytes:
        nonlocal number
        number += 1
        text = (body % (_run, number, time.time_ns() // 1000)).encode()
        return (
            b"POST /mp/collect?measurement_id=G-BENCH&api_secret=secret HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)
        )

    return make


class Sender(asyncio.Protocol):
    """One keep-alive connection; the next request goes when the last is answered, or when it is due."""

    def __init__(self, make: Callable[[], bytes], waits: list[float]) -> None:
        self.make = make
        self.waits = waits
        self.answered = 0
        self.due: list[float] = []
        self.is_paced = False
        self.is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send(self, due: float) -> None:
        self.due.append(due)
        self.transport.write(self.make())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        count = data.count(b"HTTP/1.1 ")
        if data.count(b"HTTP/1.1 204") != count:
            raise SystemExit(data.decode())
        for _ in range(count):
            self.answered += 1
            self.waits.append(now - self.due.pop(0))
            if not self.is_paced and not self.is_over:
                self.send(now)


async def _load(
    port: int, make: Callable[[], bytes], connections: int, seconds: float, rate: float | None
) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    senders = [
        (await loop.create_connection(lambda: Sender(make, waits), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    started = time.perf_counter()
    if rate is None:
        for sender in senders:
            sender.send(time.perf_counter())
        await asyncio.sleep(seconds)
    else:  # open loop: a late answer makes no later request late
        for sender in senders:
            sender.is_paced = True
        for number in range(int(rate * seconds)):
            due = started + number / rate
            while (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            senders[number % connections].send(due)
        await asyncio.sleep(0.5)
    for sender in senders:
        sender.is_over = True
    answered = sum(sender.answered for sender in senders)
    elapsed = time.perf_counter() - started
    for sender in senders:
        sender.transport.close()
    return answered / elapsed, waits


def load(
    port: int, events: int, connections: int, seconds: float, rate: float | None = None
) -> tuple[float, list[float]]:
    import uvloop

    return uvloop.run(_load(port, requests(events), connections, seconds, rate))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=1)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--connections", type=int, default=64)
    chosen = options.parse_args()
    size = chosen.connections, chosen.seconds
    print(f"{machine()}; {chosen.connections} connections")
    found: dict[str, list[float]] = {name: [] for name in ("nothing", "single", "batch", "share")}
    waits: dict[int, list[float]] = {1: [], 25: []}
    # All are up for the whole run and take short turns, so that what a shared machine does besides meets all alike.
    with empty() as nothing, door() as single, door() as batch:
        for port, events in ((nothing, 1), (single, 1), (batch, 25)):
            load(port, events, chosen.connections, 1)
        for _ in range(chosen.rounds):
            found["nothing"].append(load(nothing, 1, *size)[0])
            found["single"].append(load(single, 1, *size)[0])
            found["batch"].append(load(batch, 25, *size)[0])
            found["share"].append(found["single"][-1] / found["nothing"][-1])
            for port, events, name in ((single, 1, "single"), (batch, 25, "batch")):
                _, waited = load(port, events, *size, rate=found[name][-1] / 2)
                waits[events].append(statistics.quantiles(waited, n=100)[98] * 1000)
    median = {name: statistics.median(values) for name, values in found.items()}
    low, _, high = statistics.quantiles(found["share"], n=4)
    for name, events in (("batches of 25", 25), ("single events", 1)):
        rate = median["batch"] * 25 if events > 1 else median["single"]
        p99 = statistics.median(waits[events])
        what = "events/s" if events > 1 else "requests/s"
        print(f"{name}: {rate:,.0f} {what}, durable; p99 {p99:.1f} ms at half of it")
    print(
        f"an empty answer of the same server: {median['nothing']:,.0f} requests/s; "
        f"single events are {median['share']:.2f} of it (quartiles {low:.2f} and {high:.2f})"
    )


if __name__ == "__main__":
    main()
