"""headwater's own statements, in BigQuery's words."""

import pytest

from headwater.errors import QueryError
from headwater.warehouse.bigquery_bench import Bench
from headwater.warehouse.bigquery_dialect import translated
from headwater.warehouse.bigquery_schema import statements


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        (
            "select cast(now() at time zone 'UTC' as timestamp) as now",
            "SELECT CAST(CURRENT_TIMESTAMP() AS TIMESTAMP) AS now",
        ),
        ("select a from t where b = $1 limit $2", "SELECT a FROM t WHERE b = @p1 LIMIT @p2"),
        (
            "select cast(extract(epoch from (a - b)) as double precision) from t",
            "SELECT CAST((timestamp_diff(a, b, MICROSECOND) / 1000000) AS FLOAT64) FROM t",
        ),
        ("select cast(a as decimal(38, 9)) from t", "SELECT ROUND(CAST(a AS NUMERIC), 9) FROM t"),
        ("select cast(a as decimal(38, 12)) from t", "SELECT ROUND(CAST(a AS BIGNUMERIC), 12) FROM t"),
        (
            "create table t (a text not null primary key, b decimal(18, 6), c json, d timestamp)",
            "CREATE TABLE t (a STRING NOT NULL, b NUMERIC(18, 6), c STRING, d TIMESTAMP)",
        ),
        ("delete from t", "DELETE FROM t WHERE TRUE"),
        ("drop view if exists s.v cascade", "DROP VIEW IF EXISTS s.v"),
        (r"select 'it''s \n' as a", r"SELECT 'it\'s \\n' AS a"),
        ("select md5(a) from t", "SELECT TO_HEX(MD5(a)) FROM t"),
        ("select a from t order by a", "SELECT a FROM t ORDER BY a NULLS LAST"),
    ],
)
def test_what_differs_is_said_as_bigquery_says_it(shared: str, said: str) -> None:
    assert translated(shared) == said


ALL = "event_timestamp >= CAST('0001-01-01 00:00:00+00' AS TIMESTAMP)"


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ("select a from ga4_events_raw", f"SELECT a FROM ga4_events_raw WHERE ga4_events_raw.{ALL}"),
        (
            "select a from shop.events_streaming as e where b = 1 or c = 2",
            f"SELECT a FROM shop.events_streaming AS e WHERE (b = 1 OR c = 2) AND e.{ALL}",
        ),
        (  # where the filter would turn an outer join into an inner one, it is part of the join
            "select 1 from t left join events_streaming as e on e.a = t.a",
            f"SELECT 1 FROM t LEFT JOIN events_streaming AS e ON e.a = t.a AND e.{ALL}",
        ),
        (
            "select a from ga4_events_raw where event_timestamp > timestamp '2026-05-01'",
            "SELECT a FROM ga4_events_raw WHERE event_timestamp > CAST('2026-05-01' AS TIMESTAMP)",
        ),
        (
            "select (select max(a) from events_streaming) as a from t",
            f"SELECT (SELECT MAX(a) FROM events_streaming WHERE events_streaming.{ALL}) AS a FROM t",
        ),
    ],
)
def test_a_raw_table_is_read_with_a_filter_on_its_days(shared: str, said: str) -> None:
    assert translated(shared) == said


def test_what_is_no_sql_is_told() -> None:
    with pytest.raises(QueryError, match="cannot be said in BigQuery's words"):
        translated("select from where (")


def test_raw_tables_are_kept_by_days_and_devices() -> None:
    raw = [one for one in statements() if "ga4_events_raw" in one or "events_streaming" in one]
    assert len(raw) == 2
    for one in raw:
        assert "partition by timestamp_trunc(event_timestamp, day) cluster by device_id" in one
        assert "require_partition_filter = true" in one
        assert "params STRING" in one
    assert all(" if not exists " in one.lower() for one in statements())


def test_views_of_a_tick_stand_before_the_statements_that_read_them() -> None:
    bench = Bench(None)  # type: ignore[arg-type]
    bench.make("view", "_session.first", "select a from live.raw")
    bench.make("view", "_session.second", "with x as (select * from _session.first) select * from x")
    assert bench.with_views("select 1 from _session.devices") == "select 1 from _session.devices"
    assert bench.with_views("select * from _session.second join _session.devices using (a)") == (
        "with first as (\nselect a from live.raw\n),\n"
        "second as (\nwith x as (select * from first) select * from x\n)\n"
        "(\nselect * from second join _session.devices using (a)\n)"
    )
