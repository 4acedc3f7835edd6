"""What the engine answers, and what it refuses; commands that go through it while it holds the warehouse."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from engine.process import Home, until
from engine.stream import purchase

from headwater.cli import main
from headwater.engine import client
from headwater.engine.address import FILE_NAME, Address, find
from headwater.sources.load import FileReport, LoadReport

WRITES = [
    "insert into exchange_rates values (date '2026-01-01', 'USD', 1)",
    "delete from headwater_builds",
    "create table mine as select 1 as one",
    "drop table headwater_builds",
    "select 1 as one; select 2 as two",
    "copy exchange_rates to '{file}'",
    "copy (select 1 as one) to '{file}'",
]
REFUSED = {
    "duckdb": [
        *WRITES,
        "",
        "begin",
        "explain analyze delete from headwater_builds",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "attach '{file}' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set memory_limit = '1MB'",
        "pragma database_size",
        "call pragma_version()",
        "checkpoint",
        "export database '{file}'",
        "select * from sql",  # a name in the engine's own Python
    ],
    "postgres": [
        *WRITES,
        "set transaction read write; create table mine (one int)",
        "set transaction read write; delete from headwater_builds",
        "commit; create table mine (one int)",
        "do $$ begin set transaction read write; create table mine (one int); end $$",
        "do $$ begin commit; set transaction read write; create table mine (one int); end $$",
        "with off as (select set_config('transaction_read_only', 'off', true)), "
        "gone as (delete from headwater_builds returning 1) select * from off, gone",
        "",
        "begin",
        "explain analyze delete from headwater_builds",
        "explain (analyze, format json) create table mine as select 1 as one",
        "explain execute mine",
        "copy (select 1 as one) to program 'cat > {file}'",
        "/* select */ copy (select 1 as one) to program 'cat > {file}'",
        "select 1 as one) to program 'cat > {file}' --",
        "copy exchange_rates from program 'id'",
        "copy exchange_rates from '/etc/passwd'",
        "select pg_read_file('/etc/passwd')",
        "select pg_catalog . /* a */ pg_read_file /* b /* c */ */ ('/etc/passwd')",
        "select \"pg_read_file\"('/etc/passwd')",
        "select U&\"pg\\005fread_file\"('/etc/passwd')",
        "select E'\\'' || pg_read_file('/etc/passwd') || E'\\''",
        "select $a$ $$ ' $a$ || PG_Read_File('/etc/passwd') || ' '",
        "select \u2192$$.one from (select pg_read_file('/etc/passwd') as one) as \u2192$$",
        "select pg_read_binary_file('/etc/passwd')",
        "select * from pg_ls_dir('/etc')",
        "select * from pg_ls_logdir()",
        "select * from pg_stat_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select lo_export(1, '{file}')",
        "select dblink_connect('host=127.0.0.1')",
        "select query_to_xml('select pg_read' || '_file(''/etc/passwd'')', true, true, '')",
        "select * from ts_stat('select to_tsvector(pg_read' || '_file(''/etc/passwd''))')",
    ],
}
ORDER = "select conversion_id, transaction_id from int_conversions"
ERRORS = ("QueryError", "UnknownTable", "UsageError", "WarehouseError")
KEPT = "select (select count(*) from exchange_rates) as rates, (select count(*) > 0 from headwater_builds) as builds"


@pytest.fixture(scope="module")
def served(
    engine: str, own_warehouse: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """An engine in its own process, with one order that the real commands have loaded and built through it."""
    home = Home(tmp_path_factory.mktemp("served") / "home", own_warehouse("served"))
    events = home.home / "events.ndjson"
    events.write_text(json.dumps({**purchase(1), "transaction_id": "t1"}) + "\n")
    home.start("engine")
    try:
        loaded = home.run("load", str(events), "--json")
        assert loaded.returncode == 0, loaded.stderr
        assert json.loads(loaded.stdout)["accepted"] == 1
        if engine == "duckdb":
            built = home.run("build", "--json")
            assert built.returncode == 0, built.stderr
        else:  # the engine's next tick does it, too
            until(
                lambda: post(home, "/v1/query", {"sql": ORDER}).status_code == 200 and rows(home, ORDER), 120
            )
        yield home
    finally:
        home.close()


def post(home: Home, path: str, content: Any, token: str | None = None) -> httpx.Response:
    address = find(home.home)
    assert address
    headers = {"Authorization": f"Bearer {token if token is not None else address.token}"}
    return httpx.post(address.url + path, json=content, headers=headers, timeout=60)


def rows(home: Home, sql: str) -> list[dict[str, Any]]:
    answer = post(home, "/v1/query", {"sql": sql})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    return list(pa.ipc.open_stream(answer.content).read_all().to_pylist())


def test_load_and_build_are_handed_over(served: Home) -> None:
    assert rows(served, ORDER) == [{"conversion_id": "e1", "transaction_id": "t1"}]
    assert rows(served, KEPT) == [{"rates": 0, "builds": True}]


def test_a_folder_is_handed_over_and_each_file_is_told_of(served: Home, tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        view = {"event_id": f"view {name}", "event_name": "page_view", "user_pseudo_id": name}
        text = json.dumps(view | {"event_timestamp": "2026-05-01T10:00:00Z"})
        (tmp_path / f"{name}.ndjson").write_text("no event" if name == "b" else text)
    loaded = served.run("load", str(tmp_path), "--json")
    told = json.loads(loaded.stdout)
    assert (loaded.returncode, told["accepted"], len(told["files"])) == (1, 3, 4)
    assert [Path(file["path"]).stem for file in told["files"] if file["error"]] == ["b"]
    assert "b.ndjson holds 1 rows and not one of them can be read" in loaded.stderr
    assert served.run("load", str(tmp_path), "--json").stdout.count('"duplicates": 1') == 3


@pytest.mark.parametrize(("short", "expected"), [(60.0, [1, 2, 4, 3]), (0.0, [1] * 10)])
def test_as_many_files_go_together_as_a_short_load_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: float, expected: list[int]
) -> None:
    for number in range(10):
        (tmp_path / f"part-{number}.ndjson").write_text("{}\n")
    engine, handed = client.Engine(Address(1, "http://127.0.0.1:1", "token")), []
    heard: list[tuple[str, int, int]] = []

    def load(paths: list[Path], _: str) -> LoadReport:
        handed.append([path.name for path in paths])
        reports = [FileReport(path, accepted=1) for path in paths]
        return LoadReport.of(reports, Counter(late_event=len(paths)), [])

    monkeypatch.setattr(client, "SHORT_SECONDS", short)
    monkeypatch.setattr(engine, "_load", load)
    report = engine.load([tmp_path], "auto", lambda *said: heard.append(said))
    assert [len(names) for names in handed] == expected
    assert [name for names in handed for name in names] == [f"part-{number}.ndjson" for number in range(10)]
    assert (report.accepted, report.reasons) == (10, {"late_event": 10})
    assert heard[0] == ("Loading part-0.ndjson", 0, 30)
    assert heard[1] == ("Loading part-1.ndjson", 3, 30)
    engine.close()


def test_a_file_that_is_gone_meanwhile_ends_no_load(served: Home, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        view = {"event_name": "page_view", "user_pseudo_id": f"{tmp_path.name} {name}"}
        (tmp_path / f"{name}.ndjson").write_text(
            json.dumps(view | {"event_timestamp": "2026-05-01T10:00:00Z"})
        )
    address = find(served.home)
    assert address
    engine = client.Engine(address)

    def told(what: str, done: int, total: int) -> None:
        if what == "Loading b.ndjson":  # and c with it, the first one was alone
            (tmp_path / "b.ndjson").unlink()

    report = engine.load([tmp_path], "auto", told)
    assert [(file.path.stem, file.accepted) for file in report.files] == [("a", 1), ("b", 0), ("c", 1)]
    assert "b.ndjson does not exist" in str(report.files[1].error)
    engine.close()


def test_without_the_token_nothing_is_told(served: Home) -> None:
    address = find(served.home)
    assert address
    for path in ("/health", "/metrics"):
        assert httpx.get(address.url + path).status_code == 200
    assert 'headwater_events{outcome="accepted"} 0.0' in httpx.get(address.url + "/metrics").text
    for path in ("/v1/status", "/v1/tables"):
        for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {address.token}"}):
            assert httpx.get(address.url + path, headers=headers).status_code == 401
    contents = {
        "/v1/query": {"sql": "select 1 as one"},
        "/v1/load": {"paths": ["/etc"]},
        "/v1/build": {},
        "/v1/trace": {"event_ids": []},
        "/v1/dead-letters/replay": {},
        "/v1/dead-letters/drop": {},
    }
    for path, content in contents.items():
        assert post(served, path, content, token=address.token[:-1]).status_code == 401
        assert post(served, path, content, token=address.token).status_code == 200 or path == "/v1/load"
    assert (served.home / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_who_listens_is_told_of_what_is_published(served: Home) -> None:
    address = find(served.home)
    assert address
    with httpx.stream("GET", address.url + "/v1/notifications", timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        told = [next(lines) for _ in range(3)]
    assert told[1] == "event: published"
    assert set(json.loads(told[2].removeprefix("data: "))) == {"build_id", "published_at"}
    answer = httpx.get(address.url + "/v1/freshness")
    assert (answer.status_code, answer.json()["state"]) == (200, "fresh")


def test_an_answer_that_would_take_the_engine_down_is_refused(served: Home, engine: str) -> None:
    many = "range(1000000)" if engine == "duckdb" else "generate_series(1, 1000000)"
    started = time.monotonic()
    answer = post(served, "/v1/query", {"sql": f"select repeat('x', 1000) as x from {many}"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "QueryError")
    assert "larger than 512 MB: ask for fewer rows or columns" in answer.json()["error"]["message"]
    assert time.monotonic() - started < 60
    assert rows(served, "select 1 as one") == [{"one": 1}]


def test_a_query_that_does_more_than_read_is_refused(served: Home, engine: str, tmp_path: Path) -> None:
    file = tmp_path / "written"
    before = rows(served, KEPT), rows(served, "select count(*) as n from information_schema.tables")
    for sql in REFUSED[engine]:
        answer = post(served, "/v1/query", {"sql": sql.format(file=file) if "{file}" in sql else sql})
        assert answer.status_code in (400, 422), (sql, answer.status_code, answer.text[:300])
        assert answer.json()["error"]["type"] in ERRORS, (
            sql,
            answer.text,
        )
    assert not file.exists()
    assert (rows(served, KEPT), rows(served, "select count(*) as n from information_schema.tables")) == before


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as one",
        "-- a word before it\n(select 1 as one) /* and /* after */ it */",
        "with one as (select 1 as one) select * from one",
        "values (1)",
        "table exchange_rates",
        "explain select 1",
        "explain (analyze, costs off) select 1",
        "select 'pg_read_file(''/etc/passwd'')' as \"copy to program\", $$set_config$$ as two",
    ],
)
def test_what_only_reads_is_answered(served: Home, engine: str, sql: str) -> None:
    if engine == "duckdb" and "costs off" in sql:
        sql = "explain analyze select 1"
    assert post(served, "/v1/query", {"sql": sql}).status_code == 200


def test_a_role_that_may_do_more_than_it_needs_is_told_of(served: Home, engine: str) -> None:
    """The tests' own is a superuser."""
    told = served.said().count("docs/security.md has the SQL")
    assert told == (1 if engine == "postgres" else 0)


def test_commands_go_through_the_engine_and_fail_as_without_it(
    served: Home, engine: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--home", str(served.home)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    commands = [
        ("query", "select conversion_id, conversion_value from int_conversions", "--format", "csv"),
        ("export", "int_attribution_credits"),  # a table: the rows of a view come in any order
        ("explain", "e1"),
        ("explain", "t1", "--format", "json"),
        ("tables",),
        ("dead-letters", "list"),
        # and what fails
        ("query", "select * from mart_atribution"),
        ("query", "select * from nowhere_at_all"),
        ("query", "selec 1"),
        ("query", ""),
        ("query", "delete from headwater_builds"),
        ("query", "select * from read_text('/etc/passwd')"),
        ("query", "select pg_read_file('/etc/passwd')"),
        ("query", f"copy (select 1 as one) to '{tmp_path / 'x.csv'}'"),
        ("query", f"copy (select 1 as one) to program 'cat > {tmp_path / 'x.csv'}'"),
        ("explain", "no such conversion"),
        ("export", "no_such_table"),
        ("load", str(tmp_path / "missing.ndjson")),
        ("dead-letters", "drop", "--id", "xyz", "--yes"),
    ]
    code, out, _ = run("status", "--json")
    status = json.loads(out)
    assert (code, status["state"], status["alerts"]) == (0, "fresh", [])
    through = {words: run(*words) for words in commands}
    assert through[commands[0]][:2] == (0, "conversion_id,conversion_value\ne1,10\n")
    assert all(code == 0 for code, _, _ in list(through.values())[:6])
    assert all(code in (1, 2) for code, _, _ in list(through.values())[6:])

    # killed: what it has left behind is no obstacle
    assert served.process
    served.process.kill()
    served.process.wait()
    assert (served.home / FILE_NAME).exists()
    assert json.loads(run("status", "--json")[1])["state"] == "stopped"
    without = {words: run(*words) for words in commands}
    assert without == through
    assert not (tmp_path / "x.csv").exists()


def test_the_number_of_a_killed_engine_may_be_anybodys(tmp_path: Path) -> None:
    """In a container, the next engine has the process number of the last one."""
    left = Address(os.getpid(), "http://127.0.0.1:1", "token")
    (tmp_path / FILE_NAME).write_bytes(msgspec.json.encode(left))
    assert find(tmp_path) is None
    (tmp_path / FILE_NAME).write_bytes(b"{ torn")
    assert find(tmp_path) is None


def test_a_query_that_runs_forever_does_not_hold_up_the_end(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    home.start("engine")
    address = find(home.home)
    assert address
    forever = "select count(*) from range(10000000) as a, range(10000000) as b where a.range + b.range = 3"
    headers = {"Authorization": f"Bearer {address.token}"}
    with pytest.raises(httpx.TimeoutException):
        httpx.post(address.url + "/v1/query", json={"sql": forever}, headers=headers, timeout=1.0)
    code, seconds = home.stop(signal.SIGTERM)
    assert code == 0, home.said()
    assert seconds < 10
    assert not (home.home / FILE_NAME).exists()
