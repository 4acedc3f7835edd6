"""What only DuckDB knows: its memory, its temporary files, its one file."""

from pathlib import Path

import duckdb
import pytest
from raw_events import batch, contents, raw

from headwater.errors import WarehouseError
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
