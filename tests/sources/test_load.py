"""Files into a real warehouse: each whole or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.errors import SourceError
from headwater.settings import Settings
from headwater.sources.lines import CHUNK_BYTES
from headwater.sources.load import LoadReport, load
from headwater.warehouse.duckdb import DuckDBWarehouse

GOOD = {"event_name": "page_view", "event_timestamp": "2026-05-01T10:00:00Z", "user_pseudo_id": "d1"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    warehouse = DuckDBWarehouse(tmp_path / "home" / "warehouse.duckdb")
    yield warehouse
    warehouse.close()


@pytest.fixture
def load_files(warehouse: DuckDBWarehouse, tmp_path: Path) -> Any:
    def load_files(*paths: Path, **settings: Any) -> LoadReport:
        return load(paths, "auto", warehouse, Settings(home=tmp_path / "home", **settings))

    return load_files


def count(warehouse: DuckDBWarehouse, table: str) -> int:
    return int(warehouse.query(f"select count(*) as n from {table}")["n"][0].as_py())


def test_a_file_loads_once(load_files: Any, warehouse: DuckDBWarehouse, write: Any) -> None:
    path = write("a.ndjson", json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "value": "abc"}) + "\n")
    first = load_files(path)
    assert (first.accepted, first.duplicates, first.dead_letters) == (1, 0, 1)
    assert first.reasons == {"invalid_number": 1}
    again = load_files(path)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert (count(warehouse, "ga4_events_raw"), count(warehouse, "dead_letters")) == (1, 1)


def test_an_unreadable_file_changes_nothing_and_the_others_load(
    load_files: Any, warehouse: DuckDBWarehouse, write: Any
) -> None:
    paths = [
        write("a.ndjson", json.dumps(GOOD)),
        write("b.ndjson", "no\njson\nat all\n"),
        write("c.parquet", "no parquet"),
        write("d.csv", "event_name,user_id\n"),
        write("e.json.gz", ""),
        write("f.ndjson", json.dumps({**GOOD, "event_name": "scroll"})),
    ]
    paths[4].write_bytes(paths[4].read_bytes()[:-6])
    report = load_files(*paths)
    assert [file.error is None for file in report.files] == [True, False, False, False, False, True]
    assert "event_timestamp" in (report.files[3].error or "")
    assert "gzip" in (report.files[4].error or "")
    assert (report.accepted, report.dead_letters) == (2, 0)
    assert (count(warehouse, "ga4_events_raw"), count(warehouse, "dead_letters")) == (2, 0)


def test_a_file_that_breaks_off_leaves_nothing(
    load_files: Any, warehouse: DuckDBWarehouse, write: Any
) -> None:
    """Behind the first chunk, which is in the warehouse's transaction by then."""
    line = json.dumps({**GOOD, "params": {"padding": "x" * 2_000}}) + "\n"
    path = write("a.ndjson.gz", line * (CHUNK_BYTES * 5 // 4 // len(line)))
    path.write_bytes(path.read_bytes()[:-20])
    (report,) = load_files(path).files
    assert "gzip" in (report.error or "")
    assert count(warehouse, "ga4_events_raw") == 0


def test_a_missing_path_ends_the_load_before_it_begins(
    load_files: Any, warehouse: DuckDBWarehouse, write: Any
) -> None:
    with pytest.raises(SourceError, match=r"'a\.ndjson'"):
        load_files(write("a.ndjson", json.dumps(GOOD)), write("a.ndjson", "x").with_name("b.ndjson"))
    assert count(warehouse, "ga4_events_raw") == 0


def test_progress_ends_at_the_whole(warehouse: DuckDBWarehouse, write: Any, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    paths = [
        write("a.ndjson", json.dumps(GOOD)),
        write("b.csv", "event_name,event_timestamp,user_id\na,1,u\n"),
    ]
    load(
        paths,
        "auto",
        warehouse,
        Settings(home=tmp_path),
        lambda what, done=0, total=0: heard.append((what, done, total)),
    )
    assert [what for what, _, _ in heard if "a.ndjson" in what]
    shares = [done for _, done, _ in heard]
    assert shares == sorted(shares)
    assert heard[-1][1] == heard[-1][2] == sum(path.stat().st_size for path in paths)


def export(path: Path, hours: int) -> Path:
    """A day of an export whose days are cut `hours` away from UTC."""
    at = [1_777_593_600_000_000 + (minute * 60 - hours * 3600) * 1_000_000 for minute in range(1440)]
    table = pa.table(
        {
            "event_date": ["20260501"] * len(at),
            "event_timestamp": at,
            "event_name": ["page_view"] * len(at),
            "user_pseudo_id": ["d1"] * len(at),
            "event_params": pa.array(
                [[] for _ in at],
                pa.list_(
                    pa.struct([("key", pa.string()), ("value", pa.struct([("string_value", pa.string())]))])
                ),
            ),
        }
    )
    pq.write_table(table, path)
    return path


def test_days_of_another_time_zone_are_told(load_files: Any, tmp_path: Path) -> None:
    assert load_files(export(tmp_path / "utc.parquet", 0)).warnings == []
    (warning,) = load_files(export(tmp_path / "west.parquet", -8)).warnings
    assert "UTC-08:00" in warning
    assert '"Etc/GMT+8"' in warning
    assert load_files(export(tmp_path / "right.parquet", -8), timezone="Etc/GMT+8").warnings == []


def test_canonical_parquet_out_and_in_again_is_the_same(
    load_files: Any, warehouse: DuckDBWarehouse, write: Any, tmp_path: Path
) -> None:
    rich = {
        **GOOD,
        "value": "12.50",
        "items": [{"a": 1}],
        "params": {"b": {"c": 1.5}},
        "ga_session_id": 3,
        "gclid": "x",
    }
    load_files(write("a.ndjson", json.dumps(rich)))
    columns = (
        "event_id, event_name, event_timestamp, user_pseudo_id, ga_session_id, gclid, value, items, params"
    )
    pq.write_table(warehouse.query(f"select {columns} from ga4_events_raw"), tmp_path / "b.parquet")
    report = load_files(tmp_path / "b.parquet")
    assert (report.accepted, report.duplicates, report.dead_letters) == (0, 1, 0)
