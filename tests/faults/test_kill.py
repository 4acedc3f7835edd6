"""kill -9 at random moments: of a load, of a build. `KILL_ROUNDS=50` kills more often than every run does."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from product import Product
from raw_events import contents

from headwater.settings import load_settings
from headwater.sources.load import load
from headwater.sources.synthetic import generate
from headwater.transform.build import Builder
from headwater.warehouse import Warehouse, connect

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
BUILD_ROUNDS = (ROUNDS + 1) // 2  # each of them waits for dbt to start
FILES_PER_LIFE = 10

# what differs between two loads of the same file, and says nothing of the events
OF_THE_LOAD = ("received_at", "batch_id", "appended_at", "refused_at")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generate(tmp_path_factory.mktemp("events"), days=FILES_PER_LIFE, persons=500, seed=3).files


@pytest.fixture
def new_home(empty_warehouse: Callable[[], str], tmp_path: Path) -> Callable[[], Path]:
    """Homes on an empty warehouse, which no process has open."""

    def make() -> Path:
        make.count += 1  # type: ignore[attr-defined]
        home = tmp_path / f"home{make.count}"  # type: ignore[attr-defined]
        Product(home, empty_warehouse()).close()
        return home

    make.count = 0  # type: ignore[attr-defined]
    return make


class Opened:
    """The warehouse of a home, for as long as nothing else runs on it."""

    def __init__(self, home: Path) -> None:
        self.settings = load_settings(home, {})
        self.warehouse: Warehouse = connect(self.settings.warehouse.url, home)

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *error: object) -> None:
        self.warehouse.close()

    def load(self, paths: list[Path]) -> None:
        load(paths, "auto", self.warehouse, self.settings)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.warehouse.query(sql).to_pylist()


def raw_rows(opened: Opened) -> dict[str, list[str]]:
    """All that loads leave, without the moments and numbers of the loads."""
    said = {}
    for table in ("ga4_events_raw", "events_streaming", "dead_letters", "headwater_coverage"):
        rows = opened.rows(f"select * from {table}")
        said[table] = sorted(
            str({name: row[name] for name in row if name not in OF_THE_LOAD}) for row in rows
        )
    return said


# `headwater build` without the tests of the models, which write nothing
BUILD = """
import sys
from pathlib import Path
from headwater.settings import load_settings
from headwater.transform.build import Builder
from headwater.warehouse import open_warehouse
settings = load_settings(Path(sys.argv[1]), {})
with open_warehouse(settings) as warehouse:
    Builder(settings, warehouse).build(test=False, full_refresh=sys.argv[2] == "full")
"""


def loading(paths: list[Path], home: Path) -> list[str]:
    return [sys.executable, "-m", "headwater", "load", *map(str, paths), "--home", str(home)]


def building(home: Path, how: str) -> list[str]:
    return [sys.executable, "-c", BUILD, str(home), how]


def killed(command: list[str], moment: float) -> bool:
    """Runs a command and kills it after so many seconds; false if it was done before."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode == -9


def duration(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def test_a_load_that_is_killed(new_home: Callable[[], Path], files: list[Path]) -> None:
    home = new_home()
    startup = duration(loading(files[:1], home))
    whole = duration(loading(files, home))
    with Opened(home) as opened:
        undisturbed = raw_rows(opened)
        accepted = {row["origin"]: row["accepted"] for row in opened.rows("select * from headwater_batches")}
    assert set(accepted) == {str(file) for file in files}

    dice, kills, home = random.Random(), 0, new_home()
    for number in range(ROUNDS):
        moment = dice.uniform(0.5 * startup, startup + (whole - startup) * (1 - (number % 5) / 6))
        kills += killed(loading(files, home), moment)
        with Opened(home) as opened:
            held = opened.rows(
                """
                select batches.origin, batches.accepted, count(*) as held
                from ga4_events_raw as events
                left join headwater_batches as batches on batches.batch_id = events.batch_id
                group by batches.origin, batches.accepted
                """
            )
            assert {row["origin"]: (row["accepted"], row["held"]) for row in held} == {
                row["origin"]: (accepted[row["origin"]], accepted[row["origin"]]) for row in held
            }, f"killed after {moment} s"
            if number % 5 == 4 or number == ROUNDS - 1:
                opened.load(files)
                assert raw_rows(opened) == undisturbed
                home = new_home()
    assert kills > 0


def published(opened: Opened) -> dict[str, list[str]]:
    names = [
        name for name in opened.warehouse.tables() if name.startswith(("int_", "mart_", "stg_ga4_sessions"))
    ]
    return contents(opened.warehouse, names)


def builds(opened: Opened) -> int:
    return int(opened.rows("select count(*) as n from headwater_builds")[0]["n"])


def test_a_build_that_is_killed(new_home: Callable[[], Path], files: list[Path], engine: str) -> None:
    home, waiting = new_home(), list(files)
    with Opened(home) as opened:
        opened.load([waiting.pop(0)])
    duration(building(home, "full"))  # keeps the parsed models for the next one
    whole = duration(building(home, "full"))
    kills, finished = 0, 2
    with Opened(home) as opened:
        before = published(opened)
        opened.load([waiting.pop(0)])
    dice = random.Random()
    for number in range(BUILD_ROUNDS):
        moment = dice.uniform(0.4, 1.0) * whole  # the first part of it is Python's and dbt's own start
        kills += killed(building(home, "full" if number % 2 else "incremental"), moment)
        with Opened(home) as opened:
            if engine == "postgres":
                wait_until_unlocked(opened)
            if builds(opened) == finished:
                assert published(opened) == before, f"killed after {moment} s"
            else:  # it was done before it died, or died with the last tables dropped from the build's own schema
                finished = builds(opened)
                before = published(opened)
                check_totals(opened)
                if waiting:
                    opened.load([waiting.pop(0)])
    assert kills > 0
    with Opened(home) as opened:
        opened.load(waiting)
        builder = Builder(opened.settings, opened.warehouse)
        builder.build(test=False)
        incremental = published(opened)
        builder.build(full_refresh=True)
        assert published(opened) == incremental
        assert len(incremental["int_conversions"]) > 5


def check_totals(opened: Opened) -> None:
    totals = opened.rows(
        "select attribution_model, cast(sum(conversion_count) as bigint) as n from mart_attribution group by 1"
    )
    (conversions,) = opened.rows("select count(*) as n from int_conversions")
    assert {row["n"] for row in totals} == {conversions["n"]}


def wait_until_unlocked(opened: Opened) -> None:
    """The server drops a dead client's lock as soon as it looks at the connection."""
    deadline = time.monotonic() + 60
    while opened.rows("select count(*) as n from pg_locks where locktype = 'advisory'")[0]["n"]:
        assert time.monotonic() < deadline, "the builder's lock outlives the builder"
        time.sleep(0.05)
