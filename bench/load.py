"""How many events a second are read and made canonical, by format, and how many reach a DuckDB warehouse.

    python bench/load.py [--events 400000] [--cores 1]

One core is the default, so that figures of different machines can be compared."""

import argparse
import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from headwater.settings import Settings
from headwater.sources.load import load
from headwater.sources.read import read_file
from headwater.warehouse.duckdb import DuckDBWarehouse

KEYS = (
    *("page_location", "page_title", "session_engaged", "page_referrer"),
    *("ga_session_id", "engagement_time_msec", "ga_session_number"),
)
NAMES = ("page_view", "scroll", "view_item", "user_engagement")
START = 1_777_000_000_000_000
VALUE = ("string_value", "int_value", "float_value", "double_value")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--cores", type=int, default=1)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.cores])
    os.environ["OMP_NUM_THREADS"] = str(chosen.cores)
    pa.set_cpu_count(chosen.cores)
    pa.set_io_thread_count(max(chosen.cores, 1))
    with tempfile.TemporaryDirectory() as folder:
        print(f"{chosen.events:,} events, {chosen.cores} core(s)")
        for path in (
            ga4_parquet(Path(folder), chosen.events),
            ndjson(Path(folder), chosen.events),
            csv(Path(folder), chosen.events),
        ):
            measure(path, Path(folder))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def measure(path: Path, folder: Path) -> None:
    seconds, cpu = time.perf_counter(), time.process_time()
    count = sum(batch.events.num_rows for batch in read_file(path))
    seconds, cpu = time.perf_counter() - seconds, time.process_time() - cpu
    warehouse = DuckDBWarehouse(folder / f"{path.name}.duckdb")
    started = time.perf_counter()
    report = load([path], "auto", warehouse, Settings(home=folder))
    loading = time.perf_counter() - started
    warehouse.close()
    assert report.accepted == count, report
    print(
        f"{path.name:>16}: {count / seconds:>9,.0f} events/s read ({count / cpu:,.0f} per second of CPU), "
        f"{count / loading:>9,.0f} events/s loaded"
    )


def pages(count: int) -> list[str]:
    """One page in ten is the landing page of a tagged click."""
    tags = "?utm_source=google&utm_medium=cpc&utm_campaign=spring%20sale&gclid=g"
    return [
        f"https://shop.example.com/p/{place % 800}" + (f"{tags}{place}" if place % 10 == 0 else "")
        for place in range(count)
    ]


def ga4_parquet(folder: Path, count: int) -> Path:
    place, width = np.arange(count), len(KEYS)
    texts = np.full((count, width), None, dtype=object)
    texts[:, 0], texts[:, 2], texts[:, 3] = pages(count), "1", "https://www.google.com/"
    texts[:, 1] = [f"Product {page % 800}" for page in range(count)]
    wholes = np.zeros((count, width), dtype=np.int64)
    wholes[:, 4], wholes[:, 5], wholes[:, 6] = 1_700_000_000 + place // 8, place % 5_000, place // 8 % 5 + 1
    is_text = np.tile(np.arange(width) < 4, count)
    nothing = pa.nulls(count * width, pa.float64())
    strings, integers = pa.array(texts.ravel(), pa.string()), pa.array(wholes.ravel(), mask=is_text)
    value = pa.StructArray.from_arrays([strings, integers, nothing, nothing], VALUE)
    pairs = pa.StructArray.from_arrays([pa.array(list(KEYS) * count), value], ["key", "value"])
    at = START + place * 1_000_000
    english = pa.array(["en"] * count)
    mobile = pa.array(np.where(place % 2 == 0, "mobile", "desktop"))
    table = pa.table(
        {
            "event_date": [f"{datetime.fromtimestamp(second / 1e6, UTC):%Y%m%d}" for second in at.tolist()],
            "event_timestamp": at,
            "event_name": pa.array(np.array(NAMES)[place % 4]),
            "event_params": pa.ListArray.from_arrays(
                pa.array(np.arange(0, count * width + 1, width, dtype=np.int32)), pairs
            ),
            "user_pseudo_id": [f"{user}.{user * 7}" for user in (place // 30).tolist()],
            "stream_id": ["123456"] * count,
            "platform": ["WEB"] * count,
            "device": pa.StructArray.from_arrays([mobile, english], ["category", "language"]),
            "batch_page_id": at // 1_000,
            "batch_ordering_id": place % 3 + 1,
            "batch_event_index": place % 5,
        }
    )
    path = folder / "ga4.parquet"
    pq.write_table(table, path, row_group_size=100_000)
    return path


def flat(count: int) -> list[dict[str, object]]:
    return [
        {
            "event_name": NAMES[place % 4],
            "event_timestamp": START + place * 1_000_000,
            "user_pseudo_id": f"{place // 30}.{place // 30 * 7}",
            "ga_session_id": 1_700_000_000 + place // 8,
            "page_location": page,
            "page_referrer": "https://www.google.com/",
            "params": {"page_title": f"Product {place % 800}", "session_engaged": "1", "msec": place % 5_000},
        }
        for place, page in enumerate(pages(count))
    ]


def ndjson(folder: Path, count: int) -> Path:
    path = folder / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in flat(count)))
    return path


def csv(folder: Path, count: int) -> Path:
    rows = [{**event, "params": json.dumps(event["params"])} for event in flat(count)]
    path = folder / "events.csv"
    pa.csv.write_csv(pa.Table.from_pylist(rows), path)
    return path


if __name__ == "__main__":
    main()
