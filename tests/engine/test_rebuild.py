"""The warehouse made anew from the files and the journal beside it: the same tables, whatever became of the old one."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conformance.test_histories import snapshot
from engine.process import until
from engine.stream import Stream, event, purchase, refusal
from product import Product, settings_of

from headwater.cli import main
from headwater.engine.address import published
from headwater.engine.engine import Engine, running
from headwater.engine.sink import Sink
from headwater.errors import WarehouseError, WarehouseLocked
from headwater.loads import remember
from headwater.warehouse import connect
from headwater.warehouse.protocol import Warehouse


def filled(product: Product, stream: Stream) -> None:
    """From two files, one of them gone by now, and from the door: a repeat, a conflict, a refusal."""
    product.load([purchase(1), event(2), purchase(1)])
    stream.take([purchase(3, user_pseudo_id="device 2"), event(4), event(4)])
    stream.take([event(4, event_name="another")])
    stream.keep([refusal(b"no JSON")])
    Sink(stream.journal, product.warehouse).step()
    remember(product.home, product.home / "gone.ndjson", "ndjson")


def published_tables(product: Product) -> dict[str, Any]:
    """Save the one that says when an event came in, which for a file's is now."""
    return {name: rows for name, rows in snapshot(product).items() if name != "stg_ga4_events"}


def test_a_rebuild_brings_back_the_same_tables(
    product: Product,
    stream: Stream,
    engine: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled(product, stream)
    product.build(test=False)
    tables, raw = published_tables(product), "select event_id from {} order by event_id"
    kept = [product.rows(raw.format(table)) for table in ("ga4_events_raw", "events_streaming")]
    books = "select position, loaded, duplicates, dead_letters from headwater_positions"
    booked = product.rows(books)
    product.warehouse.execute("checkpoint")
    product.close()
    place = tmp_path / "copy"  # dbt, in this process, goes on holding a DuckDB file
    shutil.copytree(product.home, place)

    home = ["--home", str(place)]
    with published(place, "http://127.0.0.1:1"):  # an engine runs
        assert main(["rebuild", *home]) == 1
    assert "error: The engine of this home is running: stop `headwater up` first" in capsys.readouterr().err
    if engine == "postgres":
        other = connect(product.settings.warehouse.url, product.home)
        with other.lease():  # an engine of another home
            assert main(["rebuild", *home]) == 1
        assert "Another headwater engine works on" in capsys.readouterr().err
        assert other.query(raw.format("ga4_events_raw")).to_pylist() == kept[0]
        other.close()
    else:
        truncated(place / "warehouse.duckdb")

    assert main(["rebuild", "--json", *home]) == 1  # for a file is gone
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert f"error: not loaded again: {product.home / 'gone.ndjson'}" in told.err
    assert (report["files"], len(report["missing"]), report["loaded"], report["streamed"], report["lost"]) == (
        1, 1, 2, 2, 0,
    )  # fmt: skip

    again = Product(place, product.settings.warehouse.url)
    assert published_tables(again) == tables
    assert [again.rows(raw.format(table)) for table in ("ga4_events_raw", "events_streaming")] == kept
    assert again.rows(books) == booked
    if engine == "postgres":
        aside = again.rows(f"select count(*) as n from {report['aside']}.ga4_events_raw")
        assert aside == [{"n": 2}]
    else:
        assert Path(report["aside"]).stat().st_size == 5000
    again.close()


def overwritten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def no_warehouse(path: Path) -> None:
    path.write_bytes(b"This is a text.\n" * 1000)


def garbled_log(path: Path) -> None:
    """A log that was begun well and is damaged further on, among the rows: where an entry tells its length,
    damage looks like an end."""
    log = path.with_name(path.name + ".wal")
    kept = bytearray(log.read_bytes())
    place = kept.index(b"device 70")
    kept[place : place + 64] = b"\xff" * 64
    log.write_bytes(kept)


@pytest.fixture(scope="module")
def two_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB warehouse as a kill leaves it: with a log beside it."""
    home = tmp_path_factory.mktemp("two files")
    product = Product(home, "duckdb:///warehouse.duckdb")
    product.load([event(number) for number in range(50)])
    product.warehouse.execute("checkpoint")
    product.load([event(number) for number in range(50, 90)])
    copied = tmp_path_factory.mktemp("copied")
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal", "headwater.toml"):
        shutil.copy(home / name, copied / name)
    product.close()
    return copied


@pytest.mark.parametrize("damage", [overwritten, truncated, no_warehouse, garbled_log])
def test_an_engine_on_a_damaged_file_says_what_helps(
    two_files: Path, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(two_files, home)
    damage(home / "warehouse.duckdb")
    settings = settings_of(home, "duckdb:///warehouse.duckdb", {})
    with pytest.raises(WarehouseError, match=r"`headwater rebuild`") as told, running(settings):
        pass
    assert "\n" not in str(told.value)


def test_there_is_nothing_to_rebuild_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild", "--home", str(tmp_path / "new")]) == 1
    assert "holds neither a journal nor a list of loaded files" in capsys.readouterr().err


def test_one_server_has_one_engine(product: Product, engine: str, tmp_path: Path) -> None:
    if engine == "duckdb":
        pytest.skip("a DuckDB file is held by one process")
    other = settings_of(tmp_path / "other home", product.settings.warehouse.url, {})
    refusal_of = pytest.raises(WarehouseLocked, match=r"Another headwater engine works on .*: stop it first")
    with product.warehouse.lease(), refusal_of, running(other):
        pass


def cut_leases(warehouse: Warehouse) -> None:
    """As a network does that loses a connection; they are gone when this returns."""
    warehouse.query(
        "select pg_terminate_backend(pid, 30000) as cut from pg_locks "
        "where locktype = 'advisory' and pid <> pg_backend_pid() "
        "and database = (select oid from pg_database where datname = current_database())"
    )


def test_an_engine_whose_lease_was_cut_goes_on_when_no_other_has_it(
    product: Product, stream: Stream, engine: str
) -> None:
    if engine == "duckdb":
        pytest.skip("a DuckDB file is held by one process")
    other = product.warehouse.another()
    loaded = "select count(*) as n from events_streaming"

    def alerts(of: Engine) -> str:
        return " ".join(alert["message"] for alert in of.status()["alerts"])

    with running(product.settings) as held:
        held.start()
        cut_leases(other)
        stream.take([event(1)])
        until(lambda: product.rows(loaded) == [{"n": 1}], 60)
        refusal_of = pytest.raises(
            WarehouseLocked, match=r"Another headwater engine works on .*: stop it first"
        )
        until(lambda: not alerts(held), 60)
        with refusal_of, other.lease():
            pass
        cut_leases(other)
        with other.lease():
            until(lambda: "Another headwater engine works on" in alerts(held), 60)
            stream.take([event(2)])
            time.sleep(0.5)
            assert product.rows(loaded) == [{"n": 1}]
        until(lambda: product.rows(loaded) == [{"n": 2}] and not alerts(held), 60)
    other.close()
