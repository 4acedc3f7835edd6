"""How fast does the engine load what has piled up in the journal while it was away, and how soon do the marts show it?

python bench/drain.py [--events 1000000]
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from common import machine
from live import up

from headwater.collect.canon import Receipt
from headwater.collect.mp import arrivals_of
from headwater.collect.same_event import same_event
from headwater.journal.writer import Writer


def fill(home: Path, events: int) -> None:
    writer = Writer(home / "journal.sqlite", 2**34, same_event)
    waiting = []
    for request in range(events // 25):
        now = time.time_ns() // 1000
        body = {
            "client_id": f"c.{request % 40_000}",
            "events": [
                {
                    "name": "purchase" if place == 24 and request % 10 == 0 else "page_view",
                    "timestamp_micros": now + place,
                    "params": {
                        "session_id": "1",
                        "page_location": "https://shop.example/?utm_source=a&utm_medium=email",
                    },
                }
                for place in range(25)
            ],
        }
        receipt = Receipt("/mp/collect?measurement_id=G-1", now, 10**12)
        waiting.append(writer.submit(arrivals_of(json.dumps(body).encode(), "G-1", receipt)))
        if len(waiting) == 500:
            [one.result() for one in waiting]
            waiting.clear()
    [one.result() for one in waiting]
    writer.close()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=1_000_000)
    events = options.parse_args().events
    print(machine())
    home = Path(tempfile.mkdtemp(prefix="headwater-drain-"))
    try:
        with up(home, command="engine"):
            pass  # an empty warehouse, built
        fill(home, events)
        with up(home, command="engine") as running:
            # the first look may be in the middle of it: the rate is taken from where it stood then
            began, before = time.monotonic(), running.status()["pending"]
            while running.status()["pending"]:
                time.sleep(0.1)
            seconds = time.monotonic() - began
            while running.status()["freshness_seconds"] or not running.status()["last_tick"]:
                time.sleep(0.1)
            print(
                f"{before:,} events loaded in {seconds:.1f} s: {before / seconds:,.0f} events/s; "
                f"all seen after {time.monotonic() - began:.1f} s"
            )
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
