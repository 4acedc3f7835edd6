"""How long after the door has taken an event do the marts show it, while others keep coming?

`headwater up` on a copy of a warehouse with history, and steady traffic from this machine: Measurement Protocol
requests of five events of one visitor, one visitor in three known from history. The engine measures every event.
Every two seconds a probe buys something and asks the engine until its credits are there, which is what a user would
see. Beside it the usual way: new events into a file, then `load` and `build` (dbt starts anew), again and again.

    python bench/latency.py [--events 10000000] [--rate 1000] [--seconds 600] [--url postgresql://…]
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyarrow as pa
from common import headwater, loaded, machine
from live import STREAM, Up, Visitors, quantiles, traffic, up

from headwater.settings import load_settings
from headwater.warehouse import open_warehouse

PROBE_SECONDS = 2.0
TURNS = 5  # of the usual way


def probe(running: Up, number: int) -> float:
    """Seconds from the answer of the door until a query finds the order's credits."""
    order = f"probe-{os.getpid()}-{number}"
    event = {
        "name": "purchase",
        "params": {"value": 1, "currency": "USD", "transaction_id": order, "session_id": "1"},
    }
    httpx.post(
        f"{running.door}/mp/collect?measurement_id={STREAM}&api_secret=x",
        json={"client_id": order, "timestamp_micros": time.time_ns() // 1000, "events": [event]},
    ).raise_for_status()
    taken = time.monotonic()
    sql = (
        "select 1 as seen from int_attribution_credits where conversion_id in "
        f"(select conversion_id from int_conversions where transaction_id = '{order}') limit 1"
    )
    while time.monotonic() - taken < 60:
        answer = running.ask("POST", "/v1/query", {"sql": sql})
        if pa.ipc.open_stream(answer.content).read_all().num_rows:
            return time.monotonic() - taken
        time.sleep(0.05)
    sys.exit("a probe was not seen within a minute")


def probes(running: Up, until: float) -> list[float]:
    seen = []
    while time.monotonic() < until:
        started = time.monotonic()
        seen.append(probe(running, len(seen)))
        time.sleep(max(PROBE_SECONDS - (time.monotonic() - started), 0))
    return seen


def measure(running: Up, known: list[str], rate: int, seconds: float) -> None:
    answers: list[float] = []
    with ThreadPoolExecutor(1) as beside:
        probing = beside.submit(probes, running, time.monotonic() + seconds)
        sent = asyncio.run(traffic(running.port, known, rate, seconds, answers))
        status = running.status()
        seen = probing.result()
    print(f"{sent:,} events in {seconds:.0f} s; requests answered, durable: {quantiles(answers)}")
    for stage, found in status["latency"].items():
        print(
            f"  {stage.replace('_', ' ')}: "
            + ", ".join(f"{name} {value:.3f} s" for name, value in found.items() if value)
        )
    print(f"probes, from the door's answer until a query shows it: {quantiles(seen)}")
    books = ("accepted", "loaded", "duplicates", "dead_letters", "pending")
    print(f"{status['ticks']} ticks; " + ", ".join(f"{name} {status[name]:,}" for name in books))
    print(", ".join(f"{name} {megabytes:,.0f} MB" for name, megabytes in running.memory().items()))


def usual_way(home: Path, known: list[str], rate: int) -> float:
    """Seconds of one turn of a loop around the command line, each with what has come in during the last one."""
    visitors, turns, turn = Visitors(known), [], 1.0
    for _ in range(TURNS):
        started = time.monotonic()
        lines: list[str] = []
        while len(lines) < rate * turn:
            request = json.loads(visitors.request())
            for event in request["events"]:
                row = {
                    "event_name": event["name"],
                    "event_timestamp": event["timestamp_micros"],
                    "user_pseudo_id": request["client_id"],
                    "ga_session_id": event["params"]["session_id"],
                    "stream_id": STREAM,
                    "page_location": event["params"]["page_location"],
                }
                lines.append(json.dumps(row) + "\n")
        file = home / "new.ndjson"
        file.write_text("".join(lines))
        headwater(home, "load", str(file))
        headwater(home, "build")
        turn = time.monotonic() - started
        turns.append(turn)
    return statistics.median(turns)


def copy_of(history: Path, url: str | None) -> Path:
    home = history.parent / "latency"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    if url is None:
        shutil.copy(history / "warehouse.duckdb", home)
    return home


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--rate", type=int, default=1_000)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--url", help="of a warehouse that holds the history already")
    given = options.parse_args()
    print(machine())
    if given.url:
        os.environ["HEADWATER_WAREHOUSE__URL"] = given.url
        home = copy_of(Path(os.environ.get("BENCH_FOLDER", "/tmp")) / "postgres", given.url)
    else:
        home = copy_of(loaded(given.events), None)
    with open_warehouse(load_settings(home)) as warehouse:
        history = warehouse.query("select count(*) as n from ga4_events_raw")["n"][0].as_py()
        known = warehouse.query(
            "select device_id from (select distinct device_id from ga4_events_raw) as devices "
            "order by md5(device_id) limit 50000"
        )["device_id"].to_pylist()
    print(f"{history:,} events of history, {given.rate:,} events/s")
    with up(home) as running:
        measure(running, known, given.rate, given.seconds)
    turn = usual_way(home, known, given.rate)
    print(
        f"the usual way: a turn of load and build takes {turn:.1f} s, "
        f"so an event waits {1.5 * turn:.1f} s on average and up to {2 * turn:.1f} s"
    )


if __name__ == "__main__":
    main()
