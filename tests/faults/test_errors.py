"""What goes wrong around a warehouse is told in one sentence with a next step, exit code 1, and no traceback."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import main

Run = Callable[..., str]

EVENT = '{"event_name": "purchase", "event_timestamp": "2026-05-01T10:00:00Z", "user_pseudo_id": "a"}\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "events.ndjson").write_text(EVENT)
    return tmp_path / "home"


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that must fail; returns the sentence it fails with."""

    def run(*arguments: object, home: Path) -> str:
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(home)]) == 1
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("error: ")
        assert "Traceback" not in error
        assert "unforeseen" not in error
        return error

    return run


def configured(home: Path, url: str) -> Path:
    (home / "headwater.toml").write_text(f'[warehouse]\nurl = "{url}"\n')
    return home


def loaded(home: Path) -> Path:
    assert main(["load", str(home.parent / "events.ndjson"), "--home", str(home)]) == 0
    return home


@pytest.fixture
def warehouse_home(home: Path, empty_warehouse: Callable[[], str]) -> Path:
    return loaded(configured(home, empty_warehouse()))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select * from mart_atribution", r"no table 'mart_atribution'.*`headwater tables` .*`headwater build`"),
        ("select nope from ga4_events_raw", r"cannot run this SQL: .*nope.*Correct it"),
        ("selec 1", r"(syntax error at or near .selec.*Correct it|one statement that only reads: ask with a select)"),
        ("select cast(event_name as int) from ga4_events_raw", r"cannot run this SQL: .*purchase.*Correct it"),
        ("delete from ga4_events_raw", r"A query is one statement that only reads: ask with a select"),
        ("drop table ga4_events_raw", r"A query is one statement that only reads: ask with a select"),
        ("create table mine as select 1 as one", r"A query is one statement that only reads: ask with a select"),
        ("update ga4_events_raw set value = 0", r"A query is one statement that only reads: ask with a select"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_answered(warehouse_home: Path, fails: Run, sql: str, said: str) -> None:
    assert re.search(said, fails("query", sql, home=warehouse_home))


def test_a_query_changes_nothing(
    warehouse_home: Path, fails: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for sql in ("delete from ga4_events_raw", "select 1; delete from ga4_events_raw"):
        fails("query", sql, home=warehouse_home)
    main(
        [
            "query",
            "select count(*) as n from ga4_events_raw",
            "--format",
            "csv",
            "--home",
            str(warehouse_home),
        ]
    )
    assert capsys.readouterr().out.split() == ["n", "1"]


@pytest.mark.parametrize("command", [["query", "select 1"], ["build"], ["load", "EVENTS"], ["tables"]])
def test_a_postgres_that_is_down(home: Path, fails: Run, command: list[str]) -> None:
    configured(home, "postgresql://ann:s3cret@127.0.0.1:1/db")
    command = [str(home.parent / "events.ndjson") if word == "EVENTS" else word for word in command]
    error = fails(*command, home=home)
    assert (
        "The PostgreSQL at postgresql://ann:***@127.0.0.1:1/db does not answer: check that it runs" in error
    )
    assert "s3cret" not in error


@pytest.mark.parametrize(
    ("path", "user", "said"),
    [
        ("/nothere", "postgres", 'refuses: database "nothere" does not exist. Check user, password'),
        ("/postgres", "nobody", 'refuses: role "nobody" does not exist. Check user, password'),
    ],
)
def test_a_postgres_that_refuses(
    home: Path, fails: Run, postgres_server: Any, path: str, user: str, said: str
) -> None:
    configured(home, f"postgresql://{user}:s3cret@{path}?host={postgres_server.pgdata}")
    error = fails("build", home=home)
    assert said in error
    assert "s3cret" not in error


@pytest.fixture
def holder(home: Path) -> Iterator[int]:
    """Another process that has the warehouse's file open."""
    path = loaded(home) / "warehouse.duckdb"
    program = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process.pid
        process.kill()


@pytest.mark.parametrize("command", [["query", "select 1"], ["build"], ["tables"]])
def test_a_file_that_another_process_holds(home: Path, fails: Run, holder: int, command: list[str]) -> None:
    error = fails(*command, home=home)
    assert f"(process {holder}): wait until it is done, or stop it" in error


@pytest.mark.parametrize("content", [b"hello", b"hello" * 10_000])
def test_a_file_that_is_no_warehouse(home: Path, fails: Run, content: bytes) -> None:
    (home / "warehouse.duckdb").write_bytes(content)
    error = fails("build", home=home)
    assert (
        "is not a DuckDB file: name another file in warehouse.url, or, if it is damaged, make it anew"
        in error
    )
    assert (home / "warehouse.duckdb").read_bytes() == content


def test_a_file_that_was_cut_short(home: Path, fails: Run) -> None:
    path = loaded(home) / "warehouse.duckdb"
    path.write_bytes(path.read_bytes()[:6_000])
    assert "is not a DuckDB file" in fails("build", home=home)


def test_a_home_that_can_be_no_folder(home: Path, fails: Run) -> None:
    (home / "taken").write_text("")
    for command in (["build"], ["load", home.parent / "events.ndjson"]):
        assert "--home" in fails(*command, home=home / "taken" / "below")


def test_a_warehouse_that_is_not_there_yet(home: Path, fails: Run) -> None:
    assert "There is no warehouse at" in (error := fails("query", "select 1", home=home))
    assert "run `headwater load PATH`" in error


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owners here")
def test_a_folder_that_cannot_be_written(home: Path, fails: Run) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/self")  # not even root makes a file there
        error = fails("load", home.parent / "events.ndjson", home=folder)
    else:
        home.chmod(0o500)
        error = fails("load", home.parent / "events.ndjson", home=home)
        home.chmod(0o700)
    assert "--home" in error
