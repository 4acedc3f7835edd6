"""DuckDB's log goes into the file beside loading and ticks."""

import time
from pathlib import Path
from threading import Thread

import pytest
from engine.stream import Stream, purchase
from product import Product

from headwater.engine import engine as of_engine
from headwater.engine.engine import Engine
from headwater.errors import WarehouseError, WarehouseUnavailable
from headwater.warehouse import duckdb as of_duckdb


def test_a_log_is_put_into_the_file_while_events_are_loaded_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_duckdb, "LOG_TO_SETTLE", 1)
    monkeypatch.setattr(of_engine, "SETTLE_SECONDS", 0.01)
    product = Product(tmp_path / "home", "duckdb:///warehouse.duckdb")
    stream = Stream(product.home)
    log = product.home / "warehouse.duckdb.wal"
    live = Engine(product.settings, product.warehouse, stream.journal)
    live.ticks.tick()  # a full build
    settling = Thread(target=live.settle_forever)
    settling.start()
    for number in range(20):
        stream.take([purchase(number)])
        assert live._load_what_waits()
        live.ticks.tick()
        assert live.vitals.alerts() == {}
    until = time.monotonic() + 30
    while log.exists() and log.stat().st_size:
        assert time.monotonic() < until, "the log is never put into the file"
        time.sleep(0.02)
    live.stop.set()
    settling.join()
    found = product.rows("select conversion_id from int_conversions")
    assert {row["conversion_id"] for row in found} == {f"e{number}" for number in range(20)}
    stream.close()
    product.close()


def test_what_is_wrong_with_it_is_told_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_engine, "SETTLE_SECONDS", 0.01)
    product = Product(tmp_path / "home", "duckdb:///warehouse.duckdb")
    stream = Stream(product.home)
    live = Engine(product.settings, product.warehouse, stream.journal)
    failures = iter([WarehouseUnavailable("Later."), WarehouseError("It is damaged.")])
    said: list[str] = []

    def settle() -> None:
        said.extend(alert.message for alert in live.vitals.alerts().values())
        if failure := next(failures, None):
            raise failure
        if not live.vitals.alerts():
            live.stop.set()

    monkeypatch.setattr(product.warehouse, "settle", settle)
    settling = Thread(target=live.settle_forever)
    settling.start()
    settling.join(30)
    assert not settling.is_alive()
    assert said == ["It is damaged."]
    stream.close()
    product.close()
