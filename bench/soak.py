"""Does the memory of any process, or the journal, grow while traffic goes on?

python bench/soak.py [--minutes 30] [--rate 500]
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

from common import machine
from live import Up, quantiles, traffic, up

SAMPLE_SECONDS = 5.0


def watch(running: Up, samples: list[dict[str, float]], stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_SECONDS):
        samples.append(running.memory())


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--rate", type=int, default=500)
    given = options.parse_args()
    print(machine())
    home = Path(tempfile.mkdtemp(prefix="headwater-soak-"))
    try:
        # the journal keeps nothing that is loaded, so that its size shows what is not given back
        with up(home, environment={"HEADWATER_COLLECT__RETENTION_DAYS": "0.001"}) as running:
            samples: list[dict[str, float]] = []
            stop, answers = threading.Event(), list[float]()
            watcher = threading.Thread(target=watch, args=(running, samples, stop))
            watcher.start()
            sent = asyncio.run(traffic(running.port, [], given.rate, given.minutes * 60, answers))
            stop.set()
            watcher.join()
            time.sleep(5)
            status = running.status()
        print(f"{sent:,} events in {given.minutes:g} minutes; requests answered: {quantiles(answers)}")
        third = max(len(samples) // 3, 1)
        for name in ("up", "collect", "engine"):
            parts = [samples[:third], samples[third : 2 * third], samples[2 * third :]]
            medians = [
                statistics.median(sample[name] for sample in part if name in sample) for part in parts if part
            ]
            print(f"{name}: median MB in each third: " + ", ".join(f"{one:,.0f}" for one in medians))
        books = ("accepted", "loaded", "duplicates", "dead_letters", "pending", "lost")
        print(", ".join(f"{name} {status[name]:,}" for name in books))
        print(f"received to visible: {status['latency']['received_to_visible']}")
        files = {path.name: path.stat().st_size / 2**20 for path in home.iterdir() if path.is_file()}
        print(", ".join(f"{name} {size:,.1f} MB" for name, size in sorted(files.items()) if size > 0.1))
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
