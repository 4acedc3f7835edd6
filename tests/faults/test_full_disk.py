"""A disk that fills up: said in one sentence, nothing half done, and after some space is freed it goes on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disk import small_disk_in

from headwater.cli import main
from headwater.sources.synthetic import generate
from headwater.warehouse import connect

COUNTS = """
    select
        (select count(*) from ga4_events_raw) as rows_held,
        (select coalesce(sum(accepted), 0) from headwater_batches) as told
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_in(tmp_path, megabytes=64) as disk:
        yield disk


def test_a_full_disk(small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = generate(tmp_path / "events", days=6, persons=3_000, seed=1)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 60 * 1024 * 1024)
    arguments = ["load", *map(str, made.files), "--home", str(small_disk)]
    capsys.readouterr()
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert (
        "is full: free some space and run the same command again; what was not finished has left no trace"
        in error
    )
    assert "Traceback" not in error
    ballast.unlink()

    warehouse = connect("duckdb:///warehouse.duckdb", small_disk)
    (counts,) = warehouse.query(COUNTS).to_pylist()
    assert counts["rows_held"] == counts["told"] < made.events - made.duplicates
    warehouse.close()
    assert main(arguments) == 0
    warehouse = connect("duckdb:///warehouse.duckdb", small_disk)
    (counts,) = warehouse.query(COUNTS).to_pylist()
    assert counts["rows_held"] == counts["told"] == made.events - made.duplicates
    warehouse.close()

    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    ballast.write_bytes(b"x" * (free - 600_000))  # room for dbt's own papers, and for no tables
    capsys.readouterr()
    assert main(["build", "--home", str(small_disk)]) == 1
    error = capsys.readouterr().err
    assert "isk" in error
    assert "full" in error
    assert "free some space" in error
    assert "Traceback" not in error
