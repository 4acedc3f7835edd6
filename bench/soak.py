"""Does the memory of any process, or the journal, grow while traffic goes on?

Everything runs that `headwater up` starts, with the dashboard's Live page open in a browser where there is one. Ends
with 1 if a process holds more than a tenth more in the last third of the time than in the second one, or if the books
do not balance.

    python bench/soak.py [--minutes 30] [--rate 200]
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from common import machine
from live import Up, quantiles, traffic, up

SAMPLE_SECONDS = 5.0
PROCESSES = ("up", "collect", "engine", "dashboard")
MOST_GROWTH = 1.10  # of the last third over the second
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def watch(running: Up, samples: list[dict[str, float]], stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_SECONDS):
        samples.append(running.memory())


@contextmanager
def watched_by_someone(screen: str | None) -> Iterator[None]:
    """The Live page stays open in a browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("NO CHROMIUM: nobody looks at the dashboard")
        yield
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=list(CHROMIUM))
        page = opened.new_page()
        page.goto(f"{screen}/Live")
        page.wait_for_load_state("networkidle")
        yield
        opened.close()


def medians(samples: list[dict[str, float]], name: str) -> list[float]:
    """Of each third."""
    third = max(len(samples) // 3, 1)
    parts = [samples[:third], samples[third : 2 * third], samples[2 * third :]]
    return [statistics.median(sample[name] for sample in part if name in sample) for part in parts]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--rate", type=int, default=200)
    given = options.parse_args()
    print(machine(), flush=True)
    home = Path(tempfile.mkdtemp(prefix="headwater-soak-"))
    try:
        # the journal keeps nothing that is loaded, so that its size shows what is not given back
        keeps_nothing = {"HEADWATER_COLLECT__RETENTION_DAYS": "0.001"}
        with up(home, screen=True, environment=keeps_nothing) as running, watched_by_someone(running.screen):
            samples: list[dict[str, float]] = []
            stop, answers = threading.Event(), list[float]()
            watcher = threading.Thread(target=watch, args=(running, samples, stop))
            watcher.start()
            with ThreadPoolExecutor(1) as beside:  # the browser has an event loop in this thread
                sending = traffic(running.port, [], given.rate, given.minutes * 60, answers)
                sent = beside.submit(asyncio.run, sending).result()
            stop.set()
            watcher.join()
            time.sleep(5)
            status = running.status()
        print(f"{sent:,} events in {given.minutes:g} minutes; answered: {quantiles(answers)}")
        growing = []
        for name in PROCESSES:
            first, second, last = medians(samples, name)
            print(f"{name}: median MB in each third: {first:,.0f}, {second:,.0f}, {last:,.0f}")
            if last > MOST_GROWTH * second:
                growing.append(name)
        books = ("accepted", "loaded", "duplicates", "dead_letters", "pending", "lost")
        print(", ".join(f"{name} {status[name]:,}" for name in books))
        print(f"received to visible: {status['latency']['received_to_visible']}")
        files = {path.name: path.stat().st_size / 2**20 for path in home.iterdir() if path.is_file()}
        print(", ".join(f"{name} {size:,.1f} MB" for name, size in sorted(files.items()) if size > 0.1))
        if growing:
            sys.exit(f"MEMORY GROWS: {', '.join(growing)}")
        if status["lost"] or not sent == status["accepted"] == status["loaded"]:
            sys.exit("THE BOOKS DO NOT BALANCE")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
