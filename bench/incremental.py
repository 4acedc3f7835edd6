"""Does the work of a build grow with the persons that new events touch, or with history?

A thousand new events of as many persons, into 1 M and into 10 M events of history; beside them a full build of the same
warehouse. One process throughout, as dbt stays warm in a long-lived one.

    python bench/incremental.py [events …]     default: 1000000 10000000
"""

import json
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common import loaded, machine

from headwater.settings import load_settings
from headwater.sources.load import load
from headwater.transform.build import Builder
from headwater.warehouse import open_warehouse

ROUNDS = 5
NEW_EVENTS = 1_000


def new_events(devices: list[str], chance: random.Random) -> list[dict[str, object]]:
    """Visits of today by known devices: one in twenty buys."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    return [
        {
            "event_name": "purchase" if chance.random() < 0.05 else "page_view",
            "event_timestamp": (now - timedelta(microseconds=chance.randrange(10**9))).isoformat(),
            "user_pseudo_id": device,
            "ga_session_id": int(now.timestamp()),
            "stream_id": "3141592653",
            "source": "newsletter",
            "medium": "email",
            "value": "10.00",
            "currency": "USD",
        }
        for device in devices
    ]


def main(sizes: list[int]) -> None:
    print(machine())
    for size in sizes:
        home = loaded(size)
        settings = load_settings(home, {})
        chance = random.Random(size)
        with open_warehouse(settings) as warehouse, tempfile.TemporaryDirectory() as folder:
            builder = Builder(settings, warehouse)
            full = builder.build(full_refresh=True)
            tested, untested, loads, persons = [], [], [], 0
            for turn in range(2 * ROUNDS + 1):
                devices = warehouse.query(
                    "select user_pseudo_id from ga4_events_raw where user_pseudo_id is not null "
                    f"using sample {NEW_EVENTS} rows"
                )["user_pseudo_id"].to_pylist()
                file = Path(folder) / f"{turn}.ndjson"
                file.write_text("".join(json.dumps(event) + "\n" for event in new_events(devices, chance)))
                started = time.monotonic()
                load([file], "ndjson", warehouse, settings)
                loads.append(time.monotonic() - started)
                report = builder.build(test=turn % 2 == 0)
                assert report.changed
                assert not report.full
                if turn:  # the first one parses the project
                    (tested if turn % 2 == 0 else untested).append(report.seconds)
                persons = report.persons
            print(
                f"{size:,} events: 1,000 new ones touch {persons:,} persons; load {statistics.median(loads):.2f} s, "
                f"build {statistics.median(untested):.2f} s, with tests {statistics.median(tested):.2f} s; "
                f"a full build takes {full.seconds:.1f} s"
            )


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [1_000_000, 10_000_000])
