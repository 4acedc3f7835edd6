"""A hundred screens ask while events come in and tables change: every answer is whole, and of one build."""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from engine.process import Home, until
from engine.stream import purchase
from product import Product
from serve.conftest import TOKEN

from headwater.engine.address import find
from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.serve.answers import Answer
from headwater.serve.endpoints import Endpoint
from headwater.serve.routes import Source
from headwater.warehouse.protocol import Warehouse

CLIENTS, SECONDS = 100, 5.0
BUILDS = 3  # that are to be seen, for which a busy machine has some time more
MORE_SECONDS = 30.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    made.start("up")
    yield made
    made.close()


def orders(start: int, count: int) -> list[dict[str, object]]:
    now = time.time_ns() // 1000
    return [
        purchase(number, event_timestamp=now, user_pseudo_id=f"device {number}", source=f"s{number % 7}")
        for number in range(start, start + count)
    ]


async def traffic(door: str, goes_on: Callable[[], bool]) -> int:
    sent = 0
    async with httpx.AsyncClient(base_url=door, trust_env=False, timeout=30) as http:
        while goes_on():
            (await http.post("/v1/events", json=orders(100 + sent, 20))).raise_for_status()
            sent += 20
            await asyncio.sleep(0.1)
    return sent


class Client:
    """One kept connection: so many of a library's own would be most of the work here."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def get(self, path: str, tag: str) -> tuple[int, dict[str, str], bytes]:
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nif-none-match: {tag}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body


async def screen(
    port: int, goes_on: Callable[[], bool], waits: list[float], statuses: Counter[int], builds: set[str]
) -> None:
    tags: dict[str, str] = {}
    async with Client(port) as client:
        while goes_on():
            for path in ("/v1/overview", "/v1/channels", "/v1/events?limit=5"):
                began = time.perf_counter()
                status, headers, body = await client.get(path, tags.get(path, ""))
                waits.append(time.perf_counter() - began)
                statuses[status] += 1
                tags[path] = headers["etag"]
                builds.add(headers["x-headwater-build"])
                if status == 200 and path == "/v1/overview":
                    said = json.loads(body)
                    totals = {(one["conversions"]["now"], one["value"]["now"]) for one in said["models"]}
                    assert totals == {(said["conversions"]["now"], said["value"]["now"])}
                    assert said["value"]["now"] == 10 * said["conversions"]["now"]
            await asyncio.sleep(1)


ASKED = ("/v1/overview", "/v1/channels", "/v1/events")


def test_a_hundred_clients_ask_the_warehouse_once_for_each_publication(
    told: Product, engine_of: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask, and however fast the tables change: half of them as browsers, which have the last answer."""
    asked, connected, publications = Counter[str](), told.warehouse.reader, engine_of.publications
    made_by = Source.answer

    def answer(source: Source, one: Endpoint, *given: Any) -> Answer:
        asked[f"/v1{one.path}"] += 1
        return made_by(source, one, *given)

    def reader() -> Warehouse:
        one = connected()
        snapshot = one.snapshot

        def counted() -> AbstractContextManager[None]:
            asked["the warehouse"] += 1
            return snapshot()

        monkeypatch.setattr(one, "snapshot", counted)
        return one

    monkeypatch.setattr(told.warehouse, "reader", reader)
    monkeypatch.setattr(Source, "answer", answer)
    transport = httpx.ASGITransport(create_app(engine_of, TOKEN))
    before, answers = publications.number, 0

    async def client(http: httpx.AsyncClient, is_browser: bool) -> None:
        nonlocal answers
        tags: dict[str, str] = {}
        for _ in range(4):
            for path in ASKED:
                answer = await http.get(path, headers={"if-none-match": tags.get(path, "")})
                assert answer.status_code in (200, 304)
                answers += 1
                if is_browser:
                    tags[path] = answer.headers["etag"]
            await asyncio.sleep(0.3)

    async def publish() -> None:
        while True:
            await asyncio.sleep(0.2)
            publications.publish(1)

    async def all_at_once() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            publishing = asyncio.create_task(publish())
            await asyncio.gather(*(client(http, number % 2 == 0) for number in range(CLIENTS)))
            publishing.cancel()

    asyncio.run(asyncio.wait_for(all_at_once(), 120))
    published = publications.number - before
    print(f"\n  {answers} answers while {published} were published: {dict(asked)}")
    assert answers == CLIENTS * 4 * len(ASKED)
    for path in ASKED:
        assert 1 <= asked[path] <= published + 1
    assert asked["the warehouse"] == sum(asked[path] for path in ASKED)


def test_a_hundred_screens(home: Home) -> None:
    httpx.post(home.door + "/v1/events", json=orders(0, 1)).raise_for_status()
    address = find(home.home)
    assert address
    until(lambda: httpx.get(address.url + "/v1/channels").status_code == 200, 120, home.said)
    waits: list[float] = []
    statuses: Counter[int] = Counter()
    builds: set[str] = set()

    async def all_at_once() -> int:
        end = time.monotonic() + SECONDS
        port = home.settings.serve.port

        def goes_on() -> bool:
            now = time.monotonic()
            return now < end or (len(builds) < BUILDS and now < end + MORE_SECONDS)

        screens = [screen(port, goes_on, waits, statuses, builds) for _ in range(CLIENTS)]
        sent, *_ = await asyncio.gather(traffic(home.door, goes_on), *screens)
        return sent

    sent = asyncio.run(
        asyncio.wait_for(all_at_once(), 90)
    )  # nobody hangs; how fast it is, is for bench/api.py
    p95 = statistics.quantiles(waits, n=20)[18]
    print(
        f"\n  {CLIENTS} screens, {len(waits)} answers {dict(statuses)} of {len(builds)} builds, p95 {p95 * 1000:.0f} ms"
    )
    assert set(statuses) <= {200, 304}
    assert len(builds) >= BUILDS
    until(
        lambda: httpx.get(address.url + "/v1/overview").json()["conversions"]["now"] == sent + 1,
        20,
        home.said,
    )
