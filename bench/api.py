"""How fast does the read API answer while events keep coming and a hundred screens are open?

`headwater up` on a copy of a warehouse with history, and steady traffic from this machine. First nobody asks but one
client, then a hundred do: each every five seconds what a dashboard asks, in one of five views, with If-None-Match as a
browser sends it. Beside it the floor: the same questions, one after the other, asked of the engine when nothing is
kept and nothing else runs.

    python bench/api.py [--events 10000000] [--rate 200] [--clients 100] [--seconds 60]
"""

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from common import loaded, machine
from latency import copy_of
from live import Up, quantiles, traffic, up

from headwater.engine.address import find

EVERY_SECONDS = 5.0
QUESTIONS = (
    "overview",
    "timeseries",
    "channels",
    "comparison",
    "journeys/paths",
    "conversions?limit=20",
    "events",
    "freshness",
)
VIEWS = ("", "channel=Paid+Search", "channel=Email", "conversion_event=purchase", "model=linear")


@dataclass
class Seen:
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def told(self) -> str:
        every = [one for found in self.seconds.values() for one in found]
        lines = [f"  {name:20} {quantiles(found)}" for name, found in self.seconds.items()]
        return "\n".join([f"{len(every):,} answers {dict(self.statuses)}: {quantiles(every)}", *lines])


def with_view(question: str, view: str) -> str:
    if not view or question in ("events", "freshness") or (question == "comparison" and "model" in view):
        return question
    return f"{question}{'&' if '?' in question else '?'}{view}"


async def get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, tag: str
) -> tuple[int, str]:
    """Status and ETag, over a kept connection: a hundred clients of a library would be most of the work here."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nif-none-match: {tag}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers["etag"]


async def client(url: str, view: str, start: float, until: float, seen: Seen) -> None:
    """As a browser: what has not changed is not sent again."""
    tags: dict[str, str] = {}
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    await asyncio.sleep(start)
    while time.monotonic() < until:
        began = time.monotonic()
        for question in QUESTIONS:
            path = with_view(question, view)
            asked = time.perf_counter()
            status, tags[path] = await get(reader, writer, f"/v1/{path}", tags.get(path, ""))
            seen.seconds[question].append(time.perf_counter() - asked)
            seen.statuses[status] += 1
        await asyncio.sleep(max(EVERY_SECONDS - (time.monotonic() - began), 0))
    writer.close()


async def clients(url: str, count: int, seconds: float) -> Seen:
    seen, until = Seen(), time.monotonic() + seconds
    await asyncio.gather(
        *(
            client(url, VIEWS[number % len(VIEWS)], number * EVERY_SECONDS / count, until, seen)
            for number in range(count)
        )
    )
    return seen


def floor(url: str) -> None:
    """Each question once, when nothing of it is kept: with a `to` of its own."""
    print("nothing kept, nothing else running, one after the other:")
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        for question in QUESTIONS[:-2]:
            taken = []
            for limit in range(5):
                view = f"medium=none{limit}&medium=cpc&medium=organic&medium=email&medium="
                path = f"/v1/{with_view(question, view)}"
                began = time.perf_counter()
                http.get(path).raise_for_status()
                taken.append(time.perf_counter() - began)
            print(f"  {question:20} median {statistics.median(taken) * 1000:.0f} ms")


def measured(running: Up, url: str, count: int, rate: int, known: list[str], seconds: float) -> None:
    before = running.status()["ticks"]
    with ThreadPoolExecutor(1) as beside:
        answers: list[float] = []
        sending = beside.submit(lambda: asyncio.run(traffic(running.port, known, rate, seconds, answers)))
        seen = asyncio.run(clients(url, count, seconds))
        sending.result()
    status = running.status()
    latency = status["latency"]["received_to_visible"]
    print(f"{count} clients, {rate} events/s, {status['ticks'] - before} ticks: {seen.told()}")
    print(f"  received → visible: p50 {latency['p50']:.2f} s, p95 {latency['p95']:.2f} s")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--rate", type=int, default=200)
    options.add_argument("--clients", type=int, default=100)
    options.add_argument("--seconds", type=float, default=60)
    given = options.parse_args()
    print(machine())
    home = copy_of(loaded(given.events), None)
    with up(home) as running:
        address = find(home)
        assert address
        floor(address.url)
        for count in (1, given.clients):
            measured(running, address.url, count, given.rate, [], given.seconds)
        print(", ".join(f"{name} {megabytes:,.0f} MB" for name, megabytes in running.memory().items()))


if __name__ == "__main__":
    main()
