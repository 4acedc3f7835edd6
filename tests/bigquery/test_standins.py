"""The stand-ins themselves: what the tests of BigQuery rely on."""

import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bigquery.standins import places, prepare
from bigquery.standins.emulator import BigQueryServer
from bigquery.standins.zetasql import RejectedError, ZetaSql
from dbt.cli.main import dbtRunner
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pytestmark = pytest.mark.stand_in_only("the stand-ins themselves are tested")

OFFSET_THERE, OFFSET_BEYOND = 6, 11  # ALREADY_EXISTS, OUT_OF_RANGE


class Dataset:
    """A dataset of one test's own."""

    def __init__(self, server: BigQueryServer) -> None:
        self.server = server
        self.client = server.client()
        self.name = f"test_{uuid.uuid4().hex}"
        self.id = f"{server.project}.{self.name}"
        self.client.create_dataset(self.name)

    def job(self, sql: str, **config: Any) -> bigquery.QueryJob:
        default = bigquery.DatasetReference(self.server.project, self.name)
        return self.client.query(
            sql, job_config=bigquery.QueryJobConfig(default_dataset=default, **config), job_retry=None
        )

    def rows(self, sql: str, **config: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.job(sql, **config).result()]


@pytest.fixture
def dataset(bigquery_server: BigQueryServer) -> Iterator[Dataset]:
    made = Dataset(bigquery_server)
    yield made
    made.client.delete_dataset(made.name, delete_contents=True)
    made.client.close()


def test_it_listens_on_one_address_alone(bigquery_server: BigQueryServer) -> None:
    for address in (bigquery_server.url.removeprefix("http://"), bigquery_server.storage):
        host, port = address.split(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port))).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", int(port)))


def test_a_create_table_as_select_names_its_table_and_has_no_rows(dataset: Dataset) -> None:
    job = dataset.job("create table made as select 1 as a union all select 2")
    assert list(job.result()) == []
    assert job.destination == bigquery.TableReference.from_string(f"{dataset.id}.made")
    assert dataset.client.get_job(job.job_id).destination == job.destination
    assert dataset.rows("select a from made order by a") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("script", "row"),
    [
        (
            "declare a int64; declare b string; set (a, b) = (select as struct 5, 'x'); select a, b",
            {"a": 5, "b": "x"},
        ),
        ("declare a, b int64; set (a, b) = (1, 2); select a, b", {"a": 1, "b": 2}),
        ("declare a array<int64>; set (a) = (select as struct [1, 2]); select a", {"a": [1, 2]}),
        ("declare a int64; declare b date; set (a, b) = struct(7, date '2026-01-01'); select a", {"a": 7}),
    ],
)
def test_variables_are_set_from_a_struct(dataset: Dataset, script: str, row: dict[str, Any]) -> None:
    assert dataset.rows(script) == [row]


def test_a_merge_takes_part_in_a_transaction(dataset: Dataset) -> None:
    dataset.rows("create table kept as select 1 as k, 'old' as v")
    merge = (
        "merge kept as t using (select 1 as k, 'new' as v union all select 2, 'new') as s on t.k = s.k "
        "when matched then update set v = s.v when not matched then insert row"
    )
    with pytest.raises(BadRequest, match="on purpose"):
        dataset.rows(f"begin transaction; {merge}; select error('on purpose'); commit transaction")
    assert dataset.rows("select k, v from kept") == [{"k": 1, "v": "old"}]
    dataset.rows(f"begin transaction; delete from kept where k = 1; {merge}; commit transaction")
    assert dataset.rows("select k, v from kept order by k") == [{"k": 1, "v": "new"}, {"k": 2, "v": "new"}]
    dataset.rows(merge)  # and stands alone


def test_a_table_is_renamed(dataset: Dataset) -> None:
    dataset.rows("create table before as select 1 as a")
    dataset.rows("alter table before rename to afterwards")
    assert [table.table_id for table in dataset.client.list_tables(dataset.name)] == ["afterwards"]
    assert dataset.rows("select a from afterwards") == [{"a": 1}]


def test_a_temporary_table_is_dropped_whatever_hides_behind_it(dataset: Dataset) -> None:
    dataset.job("create table days as select 1 as n union all select 2").result()
    opened = dataset.job("select 1", create_session=True)
    opened.result()
    session = [bigquery.ConnectionProperty("session_id", opened.session_info.session_id)]
    for drop in ("drop table _session.days", "drop table if exists _session.days"):
        dataset.job("create temp table days as select 7 as n", connection_properties=session).result()
        assert dataset.rows("select n from days", connection_properties=session) == [{"n": 7}]
        dataset.job(drop, connection_properties=session).result()
        found = dataset.rows("select n from days order by n", connection_properties=session)
        assert found == [{"n": 1}, {"n": 2}], drop
    dataset.job("drop table if exists _session.days", connection_properties=session).result()
    assert len(dataset.rows("select n from days")) == 2


def test_a_partition_decorator_is_refused_rather_than_misread(dataset: Dataset) -> None:
    dataset.rows("create table parted (d date) partition by d")
    with pytest.raises(MethodNotImplemented, match="partition decorators"):
        dataset.rows("select date '2026-01-01' as d", destination=f"{dataset.id}.parted$20260101")


def test_a_job_id_is_used_once(dataset: Dataset) -> None:
    job_id = uuid.uuid4().hex
    dataset.client.query("select 1", job_id=job_id, job_retry=None).result()
    with pytest.raises(Conflict):
        dataset.client.query("select 2", job_id=job_id, job_retry=None, retry=None)


def test_rows_are_inserted_once_and_errors_are_of_rows(dataset: Dataset) -> None:
    dataset.rows("create table streamed (event_id string not null, ts timestamp)")
    table = f"{dataset.id}.streamed"
    good = {"event_id": "a", "ts": "2026-01-01T12:00:00.123456Z"}
    for _ in range(2):
        assert dataset.client.insert_rows_json(table, [good], row_ids=["a"]) == []
    bad = {"event_id": "b", "ts": "never"}
    errors = dataset.client.insert_rows_json(table, [bad, good | {"event_id": "c"}], row_ids=["b", "c"])
    assert [(error["index"], error["errors"][0]["reason"]) for error in errors] == [
        (0, "invalid"),
        (1, "stopped"),
    ]
    assert dataset.rows("select * from streamed") == [
        {"event_id": "a", "ts": datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)}
    ]


def test_a_stream_takes_each_offset_once(dataset: Dataset) -> None:
    dataset.rows("create table streamed (event_id string)")
    client = dataset.server.write_client()
    parent = client.table_path(dataset.server.project, dataset.name, "streamed")
    stream = client.create_write_stream(
        parent=parent, write_stream=types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
    )
    descriptor = descriptor_pb2.DescriptorProto(name="Row")
    descriptor.field.add(name="event_id", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", message_type=[descriptor])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    row_of = message_factory.GetMessageClass(pool.FindMessageTypeByName("Row"))

    def append(offset: int, *ids: str) -> int:
        rows = types.ProtoRows(serialized_rows=[row_of(event_id=name).SerializeToString() for name in ids])
        request = types.AppendRowsRequest(write_stream=stream.name, offset=offset)
        request.proto_rows = types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=descriptor), rows=rows
        )
        (answer,) = client.append_rows(iter([request]))
        return int(answer.error.code)

    assert append(0, "a", "b") == 0
    assert append(0, "a", "b") == OFFSET_THERE
    assert append(9, "z") == OFFSET_BEYOND
    assert append(2, "c") == 0
    arrow = (
        dataset.job("select event_id from streamed order by event_id")
        .result()
        .to_arrow(bqstorage_client=dataset.server.read_client())
    )
    assert arrow.to_pydict() == {"event_id": ["a", "b", "c"]}


def test_dbt_builds_on_it_unchanged(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(
        "name: small\nprofile: small\nmodel-paths: [models]\n", encoding="utf-8"
    )
    (tmp_path / "profiles.yml").write_text(
        f"small: {{target: t, outputs: {{t: {{type: bigquery, method: oauth-secrets, token: dummy, threads: 1, "
        f"project: {dataset.server.project}, dataset: {dataset.name}, api_endpoint: '{dataset.server.url}'}}}}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "models" / "days.sql").write_text(
        "{{ config(materialized='table', partition_by={'field': 'day', 'data_type': 'date'}, cluster_by=['k']) }} "
        "select date '2026-01-01' as day, 1 as k",
        encoding="utf-8",
    )
    (tmp_path / "models" / "merged.sql").write_text(
        "{{ config(materialized='incremental', unique_key='k') }} "
        "select k, {% if is_incremental() %} 'again' {% else %} 'first' {% endif %} as run from {{ ref('days') }}",
        encoding="utf-8",
    )
    for run in ("first", "again"):
        command = ["--quiet", "run", "--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path)]
        result = dbtRunner().invoke(command)
        assert result.success, result.exception or [each.message for each in result.result]  # type: ignore[union-attr]
        assert dataset.rows("select k, run from merged") == [{"k": 1, "run": run}]
    table = dataset.client.get_table(f"{dataset.id}.days")
    assert (table.time_partitioning.field, table.clustering_fields) == ("day", ["k"])


EVENTS = {
    "my-project.web.events": {
        "event_id": "STRING",
        "ts": "TIMESTAMP",
        "day": "DATE",
        "amount": "NUMERIC(18, 9)",
        "k": "INT64",
        "params": "ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>",
        "more": "JSON",
    },
    "my-project.web.export_*": {"event_date": "STRING"},
}


def verdict(zetasql: ZetaSql, sql: str) -> str | None:
    return zetasql.analyse(sql, EVENTS, default_dataset="my-project.web")


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        (
            "select distinct on (k) k from events order by k, ts",
            "select k from events qualify row_number() over (partition by k order by ts) = 1",
        ),
        ("select count(*) filter (where k > 1) from events", "select countif(k > 1) from events"),
        ("select event_id ilike 'A%' from events", "select lower(event_id) like 'a%' from events"),
        ("select k::string from events", "select cast(k as string) from events"),
        ("select strftime(ts, '%Y') from events", "select format_timestamp('%Y', ts) from events"),
        (
            "select list_filter([1, 2], x -> x > 1)",
            "select array(select x from unnest([1, 2]) as x where x > 1)",
        ),
        ("select array_filter([1, 2], x -> x > 1)", "select [1, 2][offset(0)]"),
        ("select list(k) from events", "select array_agg(k ignore nulls order by ts) from events"),
        (
            "select sum(k) over (order by ts range between interval 1 day preceding and current row) from events",
            "select sum(k) over (order by unix_micros(ts) range between 5 preceding and current row) from events",
        ),
        ("select ts = day from events", "select ts = timestamp(day) from events"),
        ("select percentile_cont(k, 0.5) from events", "select percentile_cont(k, 0.5) over () from events"),
        ("select k || event_id from events", "select cast(k as string) || event_id from events"),
        ("select [1] = [1]", "select to_json_string([1]) = to_json_string([1])"),
        ("select * exclude (k) from events", "select * except (k) from events"),
        ("select epoch_us(ts) from events", "select unix_micros(ts) from events"),
        ("select arg_max(k, ts) from events", "select any_value(k having max ts) from events"),
        ("delete from events", "delete from events where true"),
        ("insert or replace into events (k) values (1)", "insert into events (k) values (1)"),
        ("select nowhere from events", "select k from events"),
        ("select k from nowhere", "select k from web.events"),
        (
            "select value.double_value from events, unnest(params)",
            "select value.int_value from events, unnest(params)",
        ),
        (
            "create table made options (partition_days = 1) as select 1 as a",
            "create table made options (partition_expiration_days = 1) as select 1 as a",
        ),
        (
            "create table made cluster by a, b, c, d, e as select 1 as a, 2 as b, 3 as c, 4 as d, 5 as e",
            "create table made cluster by a, b, c, d as select 1 as a, 2 as b, 3 as c, 4 as d, 5 as e",
        ),
        (
            "begin transaction; create table made as select 1 as a; commit transaction",
            "begin transaction; create temp table made as select 1 as a; drop table made; commit transaction",
        ),
        ("create temp view seen as select 1 as a", "create view seen as select 1 as a"),
        ("select 1; declare n int64", "declare n int64; select n"),
        ("declare n int64; set n = 'a'", "declare n int64; set n = 1"),
        ("set n = 1", "declare n int64 default 1; set n = n + 1"),
        (
            "declare a int64; declare b string; set (a, b) = (select as struct 'x', 1)",
            "declare a int64; declare b string; set (a, b) = (select as struct 1, 'x')",
        ),
        ("if 1 then select 1; end if", "if 1 = 1 then select 1; end if"),
        (
            "create temp table made as select 1 as a; select b from made",
            "create temp table made as select 1 as a; select a from made join _session.made as again using (a)",
        ),
        (
            "create temp function plus(n int64) as (n + 1); select plus('a')",
            "create temp function plus(n int64) as (n + 1); select plus(k) from events",
        ),
        (
            "begin select 1; exception when error then select nowhere; end",
            "begin select 1; exception when error then select @@error.message; end",
        ),
        (
            "for row in (select 1 as a) do select row.b; end for",
            "for row in (select 1 as a) do select row.a; end for",
        ),
    ],
)
def test_the_gate_takes_what_bigquery_takes(zetasql: ZetaSql, refused: str, taken: str) -> None:
    assert verdict(zetasql, refused) is not None
    assert verdict(zetasql, taken) is None


@pytest.mark.parametrize(
    "name",
    [
        "events",
        "web.events",
        "`web.events`",
        "my-project.web.events",
        "`my-project`.`web`.`events`",
        "`my-project.web`.events",
        "`my-project.web.events`",
        "`my-project.web.export_*` where _table_suffix between '20260101' and '20260102'",
    ],
)
def test_tables_have_all_their_names(zetasql: ZetaSql, name: str) -> None:
    assert verdict(zetasql, f"select * from {name}") is None


@pytest.mark.parametrize(
    "statement",
    [
        "create or replace table `my-project`.`web`.`made` partition by day cluster by event_id, k options "
        "(require_partition_filter = true, partition_expiration_days = 7, labels = [('a', 'b')], description = 'c') "
        "as (select * except (more) from events)",
        "create table made (k int64 not null options (description = 'd'), ts timestamp default current_timestamp()) "
        "partition by timestamp_trunc(ts, hour)",
        "create or replace view made options (description = '') as select event_id from events",
        "merge web.events as t using (select * from events) as s on false when not matched by source and t.k in (1) "
        "then delete when not matched then insert (event_id, ts) values (event_id, ts)",
        "select json_value(more, '$.a'), more.a, int64(more.b) from events",
        "select * from (select k, event_id from events) pivot (count(*) for event_id in ('a', 'b'))",
        "select bignumeric '1', numeric '2', safe_divide(amount, 2), datetime(ts, 'Europe/Berlin') from events",
        "select * from events for system_time as of timestamp_sub(current_timestamp(), interval 1 hour)",
        "alter table web.events add column if not exists extra string",
        "truncate table events",
        "call bq.abort_session()",
    ],
)
def test_the_gate_knows_the_statements_of_bigquery(zetasql: ZetaSql, statement: str) -> None:
    assert verdict(zetasql, statement) is None


def test_a_refusal_says_where(zetasql: ZetaSql) -> None:
    assert verdict(zetasql, "select 1;\nselect nowhere from events") == "Unrecognized name: nowhere [at 2:8]"


def test_parameters_have_types(zetasql: ZetaSql) -> None:
    assert zetasql.analyse("select @n + 1", parameters={"n": "INT64"}) is None
    assert zetasql.analyse("select ? + 1", parameters=["INT64"]) is None
    assert zetasql.analyse("select @n * 1", parameters={"n": "STRING"}) is not None
    assert zetasql.analyse("select @m", parameters={"n": "STRING"}) is not None


VALUES = {
    "INT64": -5,
    "STRING": "é",
    "NUMERIC": Decimal("-1.123456789"),
    "BIGNUMERIC": Decimal("1.00000000000000000000000000000000000001"),
    "TIMESTAMP": datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
    "DATETIME": datetime(2026, 1, 1, 23, 59, 58, 1),
    "DATE": date(1969, 12, 31),
    "TIME": time(1, 2, 3, 4),
    "BOOL": True,
    "FLOAT64": 0.1,
    "BYTES": b"\x00z",
    "JSON": {"a": [1, None]},
    "ARRAY<STRUCT<key STRING, n INT64>>": [{"key": "k", "n": 1}, {"key": None, "n": None}],
    "STRUCT<x INT64, y ARRAY<STRING>>": {"x": 1, "y": ["q"]},
}


def test_values_go_in_and_come_out_as_they_are(zetasql: ZetaSql) -> None:
    columns = {f"c{number}": kind for number, kind in enumerate(VALUES)}
    full = dict(zip(columns, VALUES.values(), strict=True))
    rows = zetasql.evaluate("select * from `p`.`d`.`t`", {"p.d.t": columns}, {"p.d.t": [full, {}]})
    assert sorted(rows, key=lambda row: row["c0"] is None) == [full, dict.fromkeys(columns)]


def test_the_evaluator_works_a_model_out(zetasql: ZetaSql) -> None:
    tables = {"p.d.touches": {"person": "STRING", "ts": "TIMESTAMP", "channel": "STRING"}}
    touch = {"person": "x", "channel": None}
    rows = zetasql.evaluate(
        "with ordered as (select t.*, row_number() over (partition by person order by ts) as place "
        "from `p`.`d`.`touches` as t) "
        "select person, place, last_value(channel ignore nulls) over (partition by person order by ts "
        "rows between unbounded preceding and current row) as channel from ordered "
        "join d.touches using (person, ts, channel) where true qualify place > 1 order by place",
        tables,
        {
            "p.d.touches": [
                touch | {"ts": datetime(2026, 1, day, tzinfo=UTC), "channel": channel}
                for day, channel in ((1, "email"), (3, "direct"), (2, "search"))
            ]
        },
    )
    assert rows == [
        {"person": "x", "place": 2, "channel": "search"},
        {"person": "x", "place": 3, "channel": "direct"},
    ]
    with pytest.raises(RejectedError, match="division by zero"):
        zetasql.evaluate("select 1 / 0")


def test_what_cannot_be_had_is_said_in_one_line_and_skips(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "BUILD", tmp_path)
    monkeypatch.setattr(places, "ANALYSER_BINARY", tmp_path / "zetasql" / "remote_server")
    monkeypatch.setattr(places, "EMULATOR_PYTHON", Path(places.__file__))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert places.why_not(places.EMULATOR) == "LOCAL-BIGQUERY IS NOT MADE: make test-bigquery makes it"
    prepare.main()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "NO LOCAL-BIGQUERY: it needs Python 3.13: put python3.13 on the PATH, or pyenv install it; "
        "the tests that need it are skipped",
        "NO ZETASQL: npm is not installed; the tests that need it are skipped",
    ]
    assert [places.why_not(places.EMULATOR), places.why_not(places.ANALYSER)] == said
