"""What the protocol promises, where BigQuery does it in its own way."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bigquery.standins.emulator import BigQueryServer
from google.cloud import bigquery
from raw_events import batch, contents, letter, raw

from headwater.errors import QueryError, UnknownTable, WarehouseError, WarehouseLocked
from headwater.warehouse import bigquery_lease
from headwater.warehouse.bigquery import BigQueryWarehouse, Options
from headwater.warehouse.bigquery_jobs import Jobs
from headwater.warehouse.protocol import Mark

numbers = count(1)


@pytest.fixture(scope="module")
def warehouse(
    on_bigquery: BigQueryServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BigQueryWarehouse]:
    opened = BigQueryWarehouse(on_bigquery.url_of("protocol"), tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.mark.parametrize("writer", ["storage_write", "insert_all"])
def test_each_writer_stores_the_same(warehouse: BigQueryWarehouse, writer: str) -> None:
    warehouse._options = Options(writer=writer)
    rows = [
        raw(f"{writer} {n}", campaign=text, params='{"n":1.50}', ga_session_id=2**63 - 1)
        for n, text in enumerate(["it's", "back\\slash", "🎈", "", None])
    ]
    mark = Mark(f"journal of {writer}", 0, 7)
    appended = warehouse.append("events_streaming", "journal", [batch(rows, [letter("{")])], mark=mark)
    assert (appended.accepted, appended.duplicates, appended.reasons) == (5, 0, {"malformed_json": 1})
    again = warehouse.append(
        "events_streaming", "journal", [batch(rows)], mark=Mark(mark.journal_id, 7, 9), ids_are_computed=True
    )
    assert (again.accepted, again.duplicates, again.dead_letters) == (0, 5, 0)
    names = ["event_id", "campaign", "params", "ga_session_id", "value", "event_timestamp"]
    found = warehouse.query(
        f"select {', '.join(names)} from events_streaming where event_id like '{writer}%' order by event_id"
    )
    assert found.to_pylist() == [{name: row[name] for name in names} for row in rows]
    position = warehouse.query(
        f"select position, loaded, duplicates, dead_letters from headwater_positions "
        f"where journal_id = '{mark.journal_id}'"
    )
    assert position.to_pylist() == [{"position": 9, "loaded": 5, "duplicates": 5, "dead_letters": 1}]


def test_a_transaction_happens_as_a_whole_or_not_at_all(warehouse: BigQueryWarehouse) -> None:
    before = contents(warehouse, ["exchange_rates", "headwater_builds"])
    rates = pa.table({"currency": ["EUR"]})

    def fail_at_the_server() -> None:
        with warehouse.transaction():
            warehouse.execute("insert into exchange_rates values (date '2026-05-01', 'EUR', 1.5)")
            warehouse.insert("nothing_of_this_name", rates)

    def fail_here() -> None:
        with warehouse.transaction():
            warehouse.execute("insert into exchange_rates values (date '2026-05-01', 'EUR', 1.5)")
            raise InterruptedError

    with pytest.raises(QueryError):
        fail_at_the_server()
    with pytest.raises(InterruptedError):
        fail_here()
    assert contents(warehouse, ["exchange_rates", "headwater_builds"]) == before
    with warehouse.transaction():
        warehouse.execute("insert into exchange_rates values (date '2026-05-01', 'EUR', 1.5)")
        warehouse.execute("delete from exchange_rates")
    assert contents(warehouse, ["exchange_rates"])["exchange_rates"] == []


def test_a_reader_takes_one_statement_that_reads(warehouse: BigQueryWarehouse) -> None:
    reader = warehouse.reader()
    assert reader.query("select cast($1 as bigint) as n", [7]).to_pylist() == [{"n": 7}]
    assert reader.query_as_written("select 1 as a").to_pylist() == [{"a": 1}]
    for sql in (
        "delete from dead_letters where true",
        "create table mine as select 1 as a",
        "select 1; select 2",
        "call bq.abort_session()",
    ):
        with pytest.raises(QueryError):
            reader.query_as_written(sql)
        with pytest.raises(QueryError):
            reader.query_within(2**20, sql, as_written=True)
    with pytest.raises(QueryError):
        reader.execute("delete from dead_letters")
    with pytest.raises(UnknownTable):
        reader.query("select * from nothing_of_this_name")
    with pytest.raises(QueryError, match="larger than 1 MB"):
        reader.query_within(
            2**20, "select repeat('x', 1000) from unnest(generate_array(1, 5000))", as_written=True
        )
    reader.close()


def test_a_snapshot_is_one_state(warehouse: BigQueryWarehouse) -> None:
    warehouse.execute("create or replace table seen as select 1 as n")
    reader = warehouse.reader()
    with reader.snapshot():
        first = reader.query("select count(*) as n from seen").to_pylist()
        warehouse.execute("insert into seen values (2)")
        assert reader.query("select count(*) as n from seen").to_pylist() == first
    assert reader.query("select count(*) as n from seen").to_pylist() == [{"n": 2}]
    reader.close()


def test_every_job_has_a_limit_and_labels(warehouse: BigQueryWarehouse, on_bigquery: BigQueryServer) -> None:
    options = Options(most_bytes=12_345_678)
    own = BigQueryWarehouse(warehouse.url, warehouse._home, options)
    own.query("select 42 as answer")
    jobs = [
        job
        for job in on_bigquery.client().list_jobs(max_results=100)
        if "42" in (getattr(job, "query", None) or "")
    ]
    assert jobs[0].maximum_bytes_billed == 12_345_678
    assert jobs[0].labels == {"app": "headwater", "part": "query"}
    assert jobs[0].job_id.startswith("headwater_query_")
    assert own.dbt_output("x")["maximum_bytes_billed"] == 12_345_678
    own.close()


def test_one_engine_has_the_lease_at_a_time(warehouse: BigQueryWarehouse, tmp_path: Path) -> None:
    elsewhere = BigQueryWarehouse(warehouse.url, tmp_path)
    with warehouse.lease() as hold:
        hold()
        with pytest.raises(WarehouseLocked, match="Another headwater engine works on"), elsewhere.lease():
            pass
        same_home = BigQueryWarehouse(warehouse.url, warehouse._home)
        with pytest.raises(WarehouseLocked), same_home.lease():  # the file's lock says so
            pass
        same_home.close()
    with elsewhere.lease() as hold:  # let go of, so nobody waits for it to expire
        hold()
        with (
            elsewhere.only_builder(),
            pytest.raises(WarehouseLocked, match="is building"),
            warehouse.only_builder(),
        ):
            pass
    elsewhere.close()


@pytest.mark.stand_in_only("the lease lasts for a second, and a statement may take longer there")
def test_a_lease_that_was_lost_is_told_and_taken_anew_only_where_it_is_free(
    warehouse: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bigquery_lease, "LASTS", 1.0)
    with warehouse.lease() as hold:
        threading.Event().wait(1.5)  # long enough for a process that slept
        with pytest.raises(WarehouseLocked, match="could not be renewed in time"):
            hold()
        warehouse.execute(
            "update headwater_engine_lease set holder = 'another', expires_at = timestamp '2100-01-01'"
        )
        with pytest.raises(WarehouseLocked, match="Another headwater engine works on"):
            hold()
        warehouse.execute("update headwater_engine_lease set expires_at = timestamp '1970-01-01'")
        hold()


def test_a_dataset_elsewhere_is_told(
    warehouse: BigQueryWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in keeps no locations: this one is put into its answer."""
    found = warehouse._client.get_dataset(warehouse.schema)
    found._properties["location"] = "US"
    monkeypatch.setattr(bigquery.Client, "get_dataset", lambda *_, **__: found)
    with pytest.raises(WarehouseError, match=r"lies in US, and warehouse.location says EU: set it to US"):
        BigQueryWarehouse(warehouse.url, tmp_path, Options(location="EU"))


def test_a_missing_dataset_is_made_by_who_writes_and_told_to_who_reads(
    on_bigquery: BigQueryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, name = on_bigquery.url_of("not_there_yet"), on_bigquery.dataset("not_there_yet")
    missing = f"There is no dataset {name} in the project {on_bigquery.project}"
    with pytest.raises(WarehouseError, match=missing):
        BigQueryWarehouse(url, tmp_path, read_only=True)
    sent: list[str] = []
    run = Jobs.run
    with monkeypatch.context() as patched:
        patched.setattr(Jobs, "run", lambda jobs, sql, *rest: sent.append(sql) or run(jobs, sql, *rest))
        made = BigQueryWarehouse(url, tmp_path, Options(retention_days=7))
    assert made.tables() == ["dead_letters", "events_streaming", "exchange_rates", "ga4_events_raw"]
    assert made.columns(name, "exchange_rates") == ["rate_date", "currency", "rate"]
    assert made.columns(name, "nothing") == []
    table = made._client.get_table(f"{name}.events_streaming")
    assert table.time_partitioning.field == "event_timestamp"
    assert table.clustering_fields == ["device_id"]
    wanted = (
        "alter table events_streaming set options (partition_expiration_days = 7)"  # the stand-in forgets it
    )
    assert table.time_partitioning.expiration_ms == 7 * 86_400_000 or sent.count(wanted) == 1
    made.append("ga4_events_raw", "a", [batch([raw("one")])])
    copied: list[Any] = []
    copy_table = bigquery.Client.copy_table
    monkeypatch.setattr(
        bigquery.Client, "copy_table", lambda *a, **k: copied.append(copy_table(*a, **k)) or copied[-1]
    )
    aside = made.set_aside("20260501")
    assert copied
    assert all(job.labels == {"app": "headwater", "part": "rebuild"} for job in copied)
    assert aside == f"{on_bigquery.project}.{name}_before_20260501"
    assert made.tables() == []
    moved = made.query(f"select event_id from {name}_before_20260501.ga4_events_raw")
    assert moved.to_pylist() == [{"event_id": "one"}]
    made.close()


def test_two_that_append_at_once_are_both_stored(warehouse: BigQueryWarehouse) -> None:
    others = [BigQueryWarehouse(warehouse.url, warehouse._home) for _ in range(2)]  # no lock is shared
    mistakes: list[Any] = []

    def add(number: int) -> None:
        try:
            others[number].append(
                "ga4_events_raw", f"{number}", [batch([raw("both"), raw(f"only {number}")])]
            )
        except Exception as error:
            mistakes.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert mistakes == []
    found = warehouse.query("select event_id, batch_id from ga4_events_raw order by event_id").to_pylist()
    assert [row["event_id"] for row in found] == ["both", "only 0", "only 1"]
    assert len({row["batch_id"] for row in found}) == 2


def test_a_dry_run_tells_the_columns_and_runs_nothing(warehouse: BigQueryWarehouse) -> None:
    read, columns = warehouse.dry_run(
        "select 1 as n, 'a' as word from ga4_events_raw where event_timestamp > '2026-01-01'"
    )
    assert read >= 0
    assert columns == [("n", "INTEGER"), ("word", "STRING")]


def test_a_transaction_binds_what_each_statement_is_given(warehouse: BigQueryWarehouse) -> None:
    add = "insert into exchange_rates (rate_date, currency, rate) values (date '2026-01-01', $1, 1)"
    with warehouse.transaction():
        warehouse.execute(add, ["AAA"])
        warehouse.execute(add, ["BBB"])
    found = warehouse.query("select currency from exchange_rates order by 1")
    assert found["currency"].to_pylist() == ["AAA", "BBB"]
