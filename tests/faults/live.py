"""The live product as a test drives it: real processes on a home of their own, clients that note each answer."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
from collector import free_port
from raw_events import contents

from headwater.engine.address import find
from headwater.engine.client import Engine
from headwater.settings import load_settings
from headwater.transform.build import Builder
from headwater.warehouse import connect
from headwater.warehouse.protocol import Warehouse

Event = dict[str, Any]

CAMPAIGN_DAY = "conversion_date, conversion_event, attributed_channel, source, medium, campaign"

# what tells one row from all others, in what is stored and in what is published
KEYS = {
    "events_streaming": "stream_id, event_id",
    "ga4_events_raw": "stream_id, event_id, source_kind",
    "dead_letters": "dead_letter_id",
    "stg_ga4_events": "stream_id, event_id",
    "stg_ga4_sessions": "session_key",
    "stg_ga4_conversions": "conversion_id",
    "int_conversions": "conversion_id",
    "int_touchpoints": "touchpoint_id",
    "int_user_journeys": "conversion_id, step_number",
    "int_attribution_credits": "conversion_id, attribution_model, step_number",
    "mart_attribution": f"attribution_model, {CAMPAIGN_DAY}",
    "mart_first_click_attribution": CAMPAIGN_DAY,
    "mart_last_click_attribution": CAMPAIGN_DAY,
    "mart_attribution_comparison": "conversion_date, conversion_event, channel",
    "mart_channel_performance": "date, channel",
}


PARTS = ("loaded", "duplicates", "dead_letters", "pending", "lost")  # of what was accepted


class Live:
    """`collect`, `engine` or `up` of one home, each with its words in a file of its own."""

    def __init__(self, home: Path, url: str = "duckdb:///warehouse.duckdb", **dotted: Any) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.door, self.port = free_port(), free_port()
        keys = {"warehouse.url": url, "collect.port": self.door, "serve.port": self.port, **dotted}
        tables: dict[str, list[str]] = {}
        for key, value in keys.items():
            table, name = key.split(".")
            tables.setdefault(table, []).append(f"{name} = {json.dumps(value)}")
        text = "".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items())
        (home / "headwater.toml").write_text(text)
        self.url = f"http://127.0.0.1:{self.door}"
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._children: set[int] = set()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "headwater", "--home", str(self.home), *words]

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=240, env=environment()
        )

    def launch(self, *names: str) -> "Live":
        """Starts and does not wait."""
        for name in names:
            with (self.home / f"{name}.log").open("ab") as log:
                words = ("up", "--no-dashboard") if name == "up" else (name,)
                self._processes[name] = subprocess.Popen(
                    self.command(*words), stdout=log, stderr=log, env=environment()
                )
        return self

    def start(self, *names: str) -> "Live":
        """Starts and waits until the door takes events and the engine has made a tick."""
        self.launch(*names)
        if not set(names).isdisjoint(("collect", "up")):
            self.until(self.is_open, "the door does not open")
        if not set(names).isdisjoint(("engine", "up")):
            self.until(lambda: (self.status() or {}).get("last_tick"), "the engine makes no tick")
        if "up" in names:
            self._children |= set(self.children())
        return self

    def is_open(self) -> bool:
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def process(self, name: str) -> "subprocess.Popen[bytes]":
        return self._processes[name]

    def is_running(self, name: str) -> bool:
        return name in self._processes and self._processes[name].poll() is None

    def children(self) -> list[int]:
        process = self._processes["up"].pid
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]

    def kill(self, *names: str) -> None:
        for name in names:
            self._processes[name].kill()
        for name in names:
            self._processes[name].wait()

    def stop(self, *names: str) -> float:
        """Tells them to end, and says how many seconds the last of them took."""
        started = time.monotonic()
        for name in names:
            self._processes[name].terminate()
        for name in names:
            assert self._processes[name].wait(60) == 0, self.log(name)
        return time.monotonic() - started

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def status(self) -> dict[str, Any] | None:
        """What the running engine says; None while there is none."""
        address = find(self.home)
        if address is None:
            return None
        headers = {"Authorization": f"Bearer {address.token}"}
        try:
            answer = httpx.get(f"{address.url}/v1/status", headers=headers, timeout=60)
        except httpx.TransportError:
            return None
        return dict(answer.json()) if answer.status_code == 200 else None

    def engine(self) -> Engine:
        address = find(self.home)
        assert address, "no engine runs"
        return Engine(address)

    def build(self) -> None:
        """With all its tests."""
        engine = self.engine()
        try:
            engine.build(full_refresh=False)
        finally:
            engine.close()

    def query(self, sql: str) -> list[Event]:
        """Through the running engine."""
        engine = self.engine()
        try:
            answer = engine.ask("POST", "/v1/query", {"sql": sql})
            return list(pa.ipc.open_stream(answer.content).read_all().to_pylist())
        finally:
            engine.close()

    def until(self, is_so: Callable[[], Any], otherwise: str, seconds: float = 120) -> float:
        """Waits, and says for how long."""
        started = time.monotonic()
        while not is_so():
            for name, process in self._processes.items():
                assert process.poll() in (None, 0, -signal.SIGKILL), f"{name} has ended:\n{self.log(name)}"
            assert time.monotonic() - started < seconds, (
                otherwise + "\n" + "\n".join(self.log(name) for name in self._processes)
            )
            time.sleep(0.05)
        return time.monotonic() - started

    def drained(self, seconds: float = 90) -> float:
        """Waits until all that was accepted can be seen, and says for how long."""
        seen: list[int] = []

        def nothing_waits() -> bool:
            status = self.status()
            if not status or status["pending"] or status["freshness_seconds"] or not status["ticks"]:
                seen.clear()
                return False
            seen.append(status["ticks"])
            return (
                len(seen) > 3
            )  # what was loaded a moment ago waits for its tick only after the books say so

        return self.until(nothing_waits, "the engine does not catch up", seconds)

    def warehouse(self) -> Warehouse:
        """For as long as no engine holds it."""
        settings = load_settings(self.home, {})
        return connect(settings.warehouse.url, self.home)

    def close(self) -> None:
        self.http.close()
        for name, process in self._processes.items():
            if process.poll() is None and name == "up":  # it alone can end what it has started
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
            elif process.poll() is None:
                process.kill()
            process.wait()
        for child in self._children:
            if is_ours(child, self.home):
                os.kill(child, signal.SIGKILL)


def is_ours(process: int, home: Path) -> bool:
    try:
        return str(home).encode() in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}


class Traffic:
    """Clients that send visits until they are told to stop. A request without an answer is sent again until it has
    one, and one in twenty that has its answer is sent once more."""

    def __init__(
        self, url: str, name: str, senders: int = 3, pause: float = 0.01, retries: float = 0.05
    ) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.requests = self.resent = self.repeated = self.refused = 0
        self.slowest = 0.0
        self._url, self._pause, self._retries = url, pause, retries
        self._stops = threading.Event()
        self._turn = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(f"{name}-{number}",), daemon=True)
            for number in range(senders)
        ]
        for thread in self._threads:
            thread.start()

    def _send(self, name: str) -> None:
        chance, number = random.Random(), 0
        with httpx.Client(base_url=self._url, timeout=20) as http:
            while not self._stops.is_set():
                number += 1
                body = json.dumps(visit(f"{name}-{number}", chance)).encode()
                if not self._sent(http, body):
                    return
                if chance.random() < self._retries and self._sent(http, body):
                    self.repeated += 1
                self._stops.wait(self._pause)

    def _sent(self, http: httpx.Client, body: bytes) -> bool:
        """Whether it was acknowledged before the clients were stopped."""
        is_first = True
        while is_first or not self._stops.is_set():
            is_first = False
            started = time.monotonic()
            try:
                answer = http.post("/v1/events", content=body)
            except httpx.TransportError:
                self.resent += 1
                self._stops.wait(0.05)
                continue
            self._note(answer, time.monotonic() - started)
            if answer.status_code == 200:
                return True
            self._stops.wait(0.2)
        return False

    def _note(self, answer: httpx.Response, seconds: float) -> None:
        with self._turn:
            self.requests += 1
            self.statuses[answer.status_code] += 1
            self.slowest = max(self.slowest, seconds)
            if answer.is_success:
                told = answer.json()["events"]
                self.acknowledged |= {one["event_id"] for one in told if one["status"] != "refused"}
                self.refused += sum(one["status"] == "refused" for one in told)

    def stop(self) -> set[str]:
        self._stops.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client still waits for its answer"
        return self.acknowledged

    def __str__(self) -> str:
        return (
            f"{len(self.acknowledged):,} events acknowledged in {self.requests:,} answers {dict(self.statuses)}, "
            f"{self.resent:,} sent again without an answer, {self.repeated:,} once more with one, "
            f"slowest answer {self.slowest:.2f} s"
        )


PAGES = (
    "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=autumn",
    "https://shop.example/?utm_source=google&utm_medium=cpc&gclid=abc",
    "https://shop.example/?utm_source=facebook&utm_medium=social",
    "https://shop.example/shoes",
)
NAMES = ("page_view", "scroll", "view_item", "add_to_cart", "purchase")


def visit(name: str, chance: random.Random) -> list[Event]:
    """Five events of one person: of a few hundred, now or in the last two days, some of them logged in."""
    at = time.time_ns() // 1000 - (chance.randrange(48 * 3600) * 1_000_000 if chance.random() < 0.2 else 0)
    device = chance.randrange(300)
    page = chance.choice(PAGES)
    events: list[Event] = []
    for place, event_name in enumerate(NAMES):
        event: Event = {
            "event_name": event_name,
            "event_timestamp": at + place,
            "user_pseudo_id": f"device-{device}",
            "ga_session_id": at // 1_000_000,
            "page_location": page,
            "params": {"visit": name},
        }
        if event_name == "purchase":
            event |= {"value": "10.50", "currency": "USD", "transaction_id": name}
        if chance.random() < 0.1:
            event["user_id"] = f"user-{device // 3}"
        events.append(event)
    if chance.random() < 0.5:  # ids of the client's own, or those that the door makes
        for place, event in enumerate(events):
            event["event_id"] = f"{name}-{place}"
    return events


def event(**columns: Any) -> Event:
    """A page view of now, save for what is said."""
    return {
        "event_name": "page_view",
        "event_timestamp": time.time_ns() // 1000,
        "user_pseudo_id": "somebody",
        **columns,
    }


def stored_ids(warehouse: Warehouse) -> list[str]:
    """Of both ways in: an event that a file has brought before is a duplicate at the door."""
    rows = warehouse.query(
        "select event_id from events_streaming union all select event_id from ga4_events_raw"
    )
    return list(rows["event_id"].to_pylist())


def check_keys(warehouse: Warehouse) -> int:
    """Each key once, in every table; says how many rows that were."""
    rows = 0
    for table, key in KEYS.items():
        (found,) = warehouse.query(
            f"select (select count(*) from {table}) as n, "
            f"(select count(*) from (select distinct {key} from {table}) as keys) as different"
        ).to_pylist()
        assert found["n"] == found["different"], f"{table} repeats ({key})"
        rows += found["n"]
    return rows


def check_books(status: dict[str, Any]) -> None:
    assert status["accepted"] == sum(status[name] for name in PARTS), status
    assert status["lost"] == 0, status


def published(warehouse: Warehouse) -> dict[str, list[str]]:
    """All that readers see, save the events themselves: they carry the number of the append that brought them."""
    names = [name for name in warehouse.tables() if name.startswith(("int_", "mart_", "stg_ga4"))]
    found: dict[str, list[str]] = contents(warehouse, [name for name in names if name != "stg_ga4_events"])
    return found


def check_all(live: Live, acknowledged: Iterable[str]) -> str:
    """What `check_stored` checks, and that ticks have left the tables that a full build makes."""
    figures = check_stored(live, acknowledged)
    warehouse = live.warehouse()
    try:
        ticked = published(warehouse)
        Builder(load_settings(live.home, {}), warehouse).build(full_refresh=True, test=False)
        built = published(warehouse)
    finally:
        warehouse.close()
    assert {name: len(rows) for name, rows in ticked.items()} == {
        name: len(rows) for name, rows in built.items()
    }
    assert ticked == built
    return f"{figures}, equal to a full build"


def check_stored(live: Live, acknowledged: Iterable[str]) -> str:
    """Once the engine has caught up: nothing lost, nothing twice, the books balance. Stops what runs, and says the
    figures."""
    status = live.status()
    assert status
    check_books(status)
    live.stop(*[name for name in ("up", "engine", "collect") if live.is_running(name)])
    sent = set(acknowledged)
    warehouse = live.warehouse()
    try:
        lost = sent - set(stored_ids(warehouse))
        assert not lost, f"{len(lost)} of {len(sent)} acknowledged events are lost"
        rows = check_keys(warehouse)
    finally:
        warehouse.close()
    books = ", ".join(f"{name} {status[name]:,}" for name in ("accepted", *PARTS))
    return f"0 lost of {len(sent):,}, each key once in {rows:,} rows of {len(KEYS)} tables, books: {books}"


def show(words: str, capture: Any) -> None:
    """A line of figures among the test's dots."""
    with capture.disabled():
        print(f"\n  {words}", flush=True)


def listed(answers: Sequence[httpx.Response]) -> dict[int, int]:
    return dict(Counter(answer.status_code for answer in answers))
