"""Damaged files under the live product: the journal's log torn, the DuckDB file and its log overwritten."""

import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.live import (
    PARTS,
    Live,
    Traffic,
    event,
    published,
    show,
    stored_ids,
)


def cut(log: Path, dice: random.Random) -> None:
    os.truncate(log, log.stat().st_size - dice.randrange(1, 60_000))


def flipped(log: Path, dice: random.Random) -> None:
    size = log.stat().st_size
    with log.open("r+b") as file:
        for place in sorted(dice.randrange(max(size - 100_000, 32), size) for _ in range(5)):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << dice.randrange(8)]))


def zeroed(log: Path, dice: random.Random) -> None:
    size = log.stat().st_size
    with log.open("r+b") as file:
        file.seek(size - dice.randrange(1_000, 60_000))
        file.write(bytes(900))


def ids_by_sqlite(journal: Path, folder: Path) -> set[str]:
    """What SQLite itself finds: all that is whole before the first damage. In a copy, since it throws the rest away."""
    folder.mkdir()
    for name in (journal.name, journal.name + "-wal"):
        if (journal.parent / name).exists():
            shutil.copy(journal.parent / name, folder / name)
    connection = sqlite3.connect(folder / journal.name)
    try:
        bodies = connection.execute("select body from arrivals where reason is null").fetchall()
    finally:
        connection.close()
    return {json.loads(body)["event_id"] for (body,) in bodies}


def test_a_torn_journal(live: Callable[..., Live], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, dice = live(), random.Random()
    journal = one.home / "journal.sqlite"
    log = journal.with_name("journal.sqlite-wal")
    acknowledged: set[str] = set()
    safe: set[str] = set()
    found: set[str] = set()
    for number, damage in enumerate((cut, flipped, zeroed)):
        one.start("collect")
        traffic = Traffic(one.url, f"torn{number}", pause=0)
        time.sleep(dice.uniform(0.5, 1.2))
        one.kill("collect")
        acknowledged |= traffic.stop()
        whole = ids_by_sqlite(journal, tmp_path / f"whole{number}")
        assert acknowledged - whole <= acknowledged - safe  # a kill by itself loses nothing
        damage(log, dice)
        safe |= ids_by_sqlite(journal, tmp_path / f"torn{number}")
        one.start("collect")
        assert one.http.post("/v1/events", json=[event(event_id=f"after-{number}")]).status_code == 200
        one.stop("collect")
        found = ids_by_sqlite(journal, tmp_path / f"found{number}")
        assert safe <= found, f"{damage.__name__}: {len(safe - found)} events before the damage are gone"
        safe = found
    assert "Traceback" not in one.log("collect")

    one.start("collect", "engine")
    one.drained()
    status = one.status()
    assert status
    assert status["accepted"] == sum(status[name] for name in PARTS), status
    one.stop("collect", "engine")
    warehouse = one.warehouse()
    stored = stored_ids(warehouse)
    warehouse.close()
    assert len(stored) == len(set(stored))
    assert set(stored) == found
    show(
        f"journal torn 3 times: of {len(acknowledged):,} acknowledged events {len(acknowledged - found):,} were in the "
        f"destroyed bytes, all others are there; the books tell of {status['lost']:,} lost rows",
        capfd,
    )


def overwritten(path: Path, first: int, last: int) -> None:
    with path.open("r+b") as file:
        file.seek(first)
        file.write(random.Random(5).randbytes(last - first))


def blocks(warehouse: Path) -> None:
    overwritten(warehouse, 12_288, warehouse.stat().st_size)


def log(warehouse: Path) -> None:
    path = warehouse.with_name("warehouse.duckdb.wal")
    size = path.stat().st_size
    overwritten(path, size // 3, size // 3 + 2_000)


def test_a_damaged_warehouse(
    live: Callable[..., Live], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Damaged in several ways, and each time made anew by `headwater rebuild`."""
    one = live().start("collect", "engine")
    traffic = Traffic(one.url, "damage")
    time.sleep(1.5)
    acknowledged = traffic.stop()
    one.drained()
    one.kill("engine")  # leaves a log
    one.stop("collect")
    path = one.home / "warehouse.duckdb"
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in (path.name, path.name + ".wal"):
        shutil.copy(one.home / name, kept / name)
    warehouse = one.warehouse()
    before = published(warehouse)
    warehouse.close()  # moves the log into the file
    whole = shutil.copy(path, kept / "whole")
    for damage in (blocks, log):
        for file in one.home.glob("warehouse.*"):
            file.unlink()
        shutil.copy(kept / path.name if damage is log else whole, path)
        if damage is log:
            shutil.copy(kept / (path.name + ".wal"), one.home)
        damage(path)
        (one.home / "up.log").write_text("")
        one.launch("up")
        started = time.monotonic()
        said = ""
        while time.monotonic() - started < 60:
            if one.process("up").poll() is not None:
                said = f"ended with {one.process('up').returncode}"
                break
            status = one.status()
            if status and any("headwater rebuild" in alert["message"] for alert in status["alerts"]):
                said = "alert"
                break
            if status and status["last_tick"] and not status["pending"] and not status["alerts"]:
                said = "read what was whole"
                break
            time.sleep(0.2)
        seconds = time.monotonic() - started
        words = one.log("up")
        assert said, f"{damage.__name__}: neither an end nor an alert in {seconds:.0f} s\n{words}"
        assert "Traceback" not in words
        if said.startswith("ended"):
            assert one.process("up").returncode == 1
            assert "headwater rebuild" in words
        else:
            one.stop("up")
        rebuilt = one.run("rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        warehouse = one.warehouse()
        try:
            assert set(stored_ids(warehouse)) == acknowledged
            assert published(warehouse) == before
        finally:
            warehouse.close()
        show(
            f"DuckDB's {damage.__name__} damaged: up {said} after {seconds:.1f} s; rebuild gave all back",
            capfd,
        )
