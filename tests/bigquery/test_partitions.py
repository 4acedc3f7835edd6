"""That a table with require_partition_filter is read with a filter on each look at it, as BigQuery wants it."""

import pytest
from bigquery.standins.zetasql import ZetaSql

TABLES = {
    f"p.d.{name}": {"id": "INT64", "moment": "TIMESTAMP"} for name in ("raw", "free")
}  # raw wants a filter
SINCE = "moment >= timestamp '2026-01-01'"

TAKEN = (
    "select id from free",
    f"select id from raw where id > 1 and {SINCE}",
    f"select id from raw where ({SINCE} and id = 1) or moment < timestamp '2020-01-01'",
    "select id from raw where date(moment) = date '2026-01-01'",
    "select id from raw where moment between @since and timestamp '2026-02-01'",
    "select id from raw where moment > (select max(moment) from free)",
    "declare since timestamp; select id from raw where moment > since",
    f"select free.id from free left join raw on raw.id = free.id and raw.{SINCE}",
    f"delete from raw where {SINCE}",
    "insert into raw (id, moment) select id, moment from free",
    "truncate table raw",
    "create temp table raw as select 1 as id; select id from raw",
)
REFUSED = (
    "select id from raw",
    f"select id from raw where id > 1 or {SINCE}",
    "select id from raw where moment is not null",
    "select raw.id from raw join free on raw.moment = free.moment",
    f"select id from raw join free using (id) where free.{SINCE}",
    f"with bounded as (select id from raw where {SINCE}) select id from bounded union all select id from raw",
    f"select one.id from raw as one join raw as other using (id) where one.{SINCE}",
    "select id from free where exists (select 1 from raw where raw.id = free.id)",
    "create view seen as select id from `p.d`.raw",
    "declare most int64; set most = (select max(id) from raw)",
    "begin transaction; insert into raw (id, moment) select id, moment from raw; commit transaction",
    "delete from raw where id = 1",
)


def said(zetasql: ZetaSql, sql: str) -> str | None:
    return zetasql.analyse(
        sql,
        TABLES,
        default_dataset="p.d",
        parameters={"since": "TIMESTAMP"},
        filtered={"p.d.raw": "moment"},
    )


@pytest.mark.parametrize("sql", TAKEN)
def test_a_look_with_a_filter_is_taken(zetasql: ZetaSql, sql: str) -> None:
    assert said(zetasql, sql) is None


@pytest.mark.parametrize("sql", REFUSED)
def test_a_look_without_one_is_refused(zetasql: ZetaSql, sql: str) -> None:
    assert "without a filter over column(s) 'moment'" in str(said(zetasql, sql))
