"""What only DuckDB knows: its memory, its temporary files, its one file."""

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from raw_events import batch, contents, raw

from headwater.errors import TransientError, WarehouseError
from headwater.warehouse import duckdb as duckdb_warehouse
from headwater.warehouse.duckdb import DuckDBWarehouse, keep_memory_small


def limit(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    ("given", "kept"),
    [("20 GiB", "4.0 GiB"), ("1.5 TiB", "4.0 GiB"), ("3 GiB", "3.0 GiB"), ("700 MiB", "700.0 MiB")],
)
def test_the_memory_limit_is_only_ever_lowered(given: str, kept: str) -> None:
    connection = duckdb.connect()
    connection.execute(f"set memory_limit = '{given}'")
    keep_memory_small(connection)
    assert limit(connection) == kept
    connection.close()


def test_what_does_not_fit_in_memory_goes_beside_the_file_and_nothing_is_left(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "a.duckdb")
    warehouse.execute("set memory_limit = '64MB'")
    warehouse.execute(
        "create temporary table big as "
        "select hash(i) as key, repeat(cast(i as varchar), 8) as text from range(3000000) as t(i)"
    )
    spilled = warehouse.query("select path, size from duckdb_temporary_files()").to_pylist()
    assert spilled
    assert {Path(row["path"]).parent for row in spilled} == {tmp_path / "a.duckdb.tmp"}
    assert sum(row["size"] for row in spilled) > 10_000_000
    first = warehouse.query("select key from big order by text desc, key limit 1")
    assert (
        first["key"][0].as_py()
        == warehouse.query("select key from big where text = (select max(text) from big)")["key"][0].as_py()
    )
    warehouse.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.duckdb"]


def test_a_reader_does_not_make_a_warehouse(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="run `headwater load PATH`"):
        DuckDBWarehouse(tmp_path / "below" / "a.duckdb", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_closed_file_holds_all_that_was_committed(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "a.duckdb")
    warehouse.append("ga4_events_raw", "a", [batch([raw("one")])])
    before = contents(warehouse)
    warehouse.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.duckdb"]
    reader = DuckDBWarehouse(tmp_path / "a.duckdb", read_only=True)
    assert contents(reader) == before
    reader.close()


def test_texts_that_ticks_search_by_are_left_unpacked(tmp_path: Path) -> None:
    """Also in a table that an older version has made."""
    warehouse = DuckDBWarehouse(tmp_path / "a.duckdb")
    warehouse.execute("create schema b")
    warehouse.execute(
        "create table b.sessions as "
        "select 'device ' || i as device_id, 'event ' || i as event_id, cast(i as decimal(18, 6)) as value "
        "from range(200000) as t(i)"
    )
    warehouse.execute("create table sessions as select * from b.sessions")
    warehouse.make_like("main.sessions", "b.sessions")
    assert warehouse.query("select * from sessions").num_rows == 0
    assert (
        warehouse.query("select * from sessions").schema == warehouse.query("select * from b.sessions").schema
    )
    warehouse.execute("insert into sessions select * from b.sessions")
    warehouse.execute("checkpoint")
    packed = warehouse.query(
        "select column_name, compression from pragma_storage_info('sessions') where segment_type = 'VARCHAR'"
    ).to_pylist()
    ways = {
        name: {row["compression"] for row in packed if row["column_name"] == name}
        for name in ("device_id", "event_id")
    }
    assert ways["device_id"] == {"Uncompressed"}
    assert ways["event_id"]
    assert "Uncompressed" not in ways["event_id"]
    warehouse.close()


def log_of(warehouse: DuckDBWarehouse) -> int:
    log = warehouse.path.with_name(warehouse.path.name + ".wal")
    return log.stat().st_size if log.exists() else 0


def test_a_long_log_is_put_into_the_file_when_told_and_a_short_one_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    warehouse.append("events_streaming", "journal", [batch([raw("one")])])
    warehouse.settle()
    assert log_of(warehouse) > 0
    monkeypatch.setattr(duckdb_warehouse, "LOG_TO_SETTLE", 1)
    reading, writing = warehouse.another(), warehouse.another()
    with reading.transaction():
        assert reading.query("select count(*) as n from events_streaming").to_pylist() == [{"n": 1}]
        warehouse.settle()  # beside who reads
    assert log_of(warehouse) == 0
    with writing.transaction():
        writing.execute("update events_streaming set campaign = 'x'")
        with suppress(TransientError):  # beside who writes it may be put off, and holds up nobody
            warehouse.settle()
    warehouse.append("events_streaming", "journal", [batch([raw("two")])])
    warehouse.settle()
    assert log_of(warehouse) == 0
    before = contents(warehouse)
    warehouse.close()
    assert contents(DuckDBWarehouse(tmp_path / "w.duckdb")) == before


@pytest.mark.parametrize(("free", "has_plenty"), [(2**26, False), (2**40, True)])
def test_a_log_is_long_where_the_disk_has_plenty_of_room_or_somebody_settles_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, has_plenty: bool
) -> None:
    """Else it would fill a small disk."""
    monkeypatch.setattr(duckdb_warehouse.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    warehouse.execute("create table numbers (number bigint)")
    longest = [0, 0]
    for settled in (False, True):
        if settled:
            warehouse.settle()
        for _ in range(32):  # 0.8 MB each, which is fewer than go into the file at once
            warehouse.execute("insert into numbers select range from range(100000)")
            longest[settled] = max(longest[settled], log_of(warehouse))
    is_long = [most > 20 * 1024**2 for most in longest]  # DuckDB's own limit is 16 MB
    assert is_long == [has_plenty, True]
