"""How fast the journal takes arrivals, each answered only when it is on disk.

    python bench/journal.py [--rows-before N]

The load comes from the same process, on the same cores. Rows are 600 bytes, with random keys."""

import argparse
import asyncio
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from common import FOLDER, machine

from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.journal import Journal
from headwater.journal.writer import Writer

BODY = b'{"event_name": "page_view"}'.ljust(600, b" ")
ROUNDS = 3


def arrivals(count: int) -> list[Arrival]:
    return [
        Arrival(
            body=BODY,
            origin="/mp/collect?measurement_id=G-1",
            received_at=time.time_ns() // 1000,
            key=secrets.token_bytes(16),
            payload=secrets.token_bytes(16),
        )
        for _ in range(count)
    ]


def lists_of_25(writer: Writer, rows: int = 100_000) -> float:
    """Rows a second, with 400 lists waiting at most."""
    lists = [arrivals(25) for _ in range(rows // 25)]
    waiting: deque[Future[list[Outcome]]] = deque()
    started = time.perf_counter()
    for one in lists:
        waiting.append(writer.submit(one))
        if len(waiting) > 400:
            waiting.popleft().result()
    for future in waiting:
        future.result()
    return rows / (time.perf_counter() - started)


async def single_ones(writer: Writer, rows: int = 20_000, tasks: int = 64) -> float:
    """Submits a second, of one arrival each, from so many tasks of one loop."""
    each = iter([arrivals(1) for _ in range(rows)])

    async def task() -> None:
        for one in each:
            await writer.submit_async(one)

    started = time.perf_counter()
    await asyncio.gather(*(task() for _ in range(tasks)))
    return rows / (time.perf_counter() - started)


def lone_ones(writer: Writer, count: int = 500) -> tuple[float, float]:
    """Milliseconds for a submit when nothing else happens: the median, and the 99th of a hundred."""
    took = []
    for one in [arrivals(1) for _ in range(count)]:
        time.sleep(0.002)
        started = time.perf_counter()
        writer.submit(one).result()
        took.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


def bare_sync(folder: Path) -> float:
    """Milliseconds for 4 KB and a sync, as the disk has it."""
    took = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(200):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def read_all(journal: Journal) -> float:
    started = time.perf_counter()
    last = count = 0
    while rows := journal.read(last, 20_000):
        last, count = rows[-1].seq, count + len(rows)
    return count / (time.perf_counter() - started)


def salvage(path: Path) -> float:
    with path.open("r+b") as file:
        file.write(b"damaged")
    started = time.perf_counter()
    Journal(path).close()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows-before", type=int, default=0, help="rows that the journal holds already")
    before = parser.parse_args().rows_before
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=FOLDER))
    path = folder / "journal.sqlite"
    writer = Writer(path, 1 << 40, lambda stored, new: stored == new)
    try:
        for start in range(0, before, 8_000):
            writer.submit(arrivals(min(8_000, before - start))).result()
        print(f"{machine()}; {before:,} rows before; medians of {ROUNDS}")
        print(f"4 KB and a sync        {bare_sync(folder):10.2f} ms")
        print(
            f"lists of 25            {statistics.median(lists_of_25(writer) for _ in range(ROUNDS)):10,.0f} rows/s"
        )
        single = statistics.median(asyncio.run(single_ones(writer)) for _ in range(ROUNDS))
        print(f"single, 64 tasks       {single:10,.0f} submits/s")
        lone = [lone_ones(writer) for _ in range(ROUNDS)]
        print(f"lone submit            {statistics.median(p50 for p50, _ in lone):10.2f} ms median")
        print(f"                       {statistics.median(p99 for _, p99 in lone):10.2f} ms p99")
        journal = Journal(path)
        print(f"read                   {read_all(journal):10,.0f} rows/s")
        rows = journal.last_seq()
        print(f"size                   {journal.size_bytes() / rows:10.0f} bytes a row")
        writer.close()
        journal.close()
        print(f"salvage of {rows:,} rows {salvage(path):8.1f} s")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
