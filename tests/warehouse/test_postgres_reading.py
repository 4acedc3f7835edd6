"""Which statements count as reading, told without a server."""

import pytest

from headwater.errors import QueryError
from headwater.warehouse.postgres_reading import check_reading


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        " \n/* a /* b */ c */ -- d\n ((select 1))",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "values (1)",
        "table a",
        "explain verbose select 1",
        "explain (analyze, format json) select 1",
        "explain (select 1)",
        "select 'it''s copy' as \"set_config \"\"\", $a$ pg_read_file $$ $a$, $$ x $$",
        'select $1, file.lo, "PG_READ_FILE" from file',
    ],
)
def test_it_reads(sql: str) -> None:
    check_reading(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- select 1",
        "/* select 1",
        "'select' 1",
        "copy a to program 'id'",
        "show all",
        "explain",
        "explain analyze delete from a",
        "explain (analyze) insert into a values (1)",
        "explain analyze create table b as select 1",
        "do $$ begin end $$",
        "set role postgres",
        "call a()",
        "execute a",
        "select pg_ls_waldir()",
        "select lo_import('a')",
        "select 1 /* ' */, pg_read_file('a') /* ' */",
        "select 1 -- '\n, pg_read_file('a') -- '",
        "select '\\', pg_read_file('a'), '\\'",
        "select \"a'\", pg_read_file('a'), \"b'\"",
        "select a$$, pg_read_file('a') from b as a$$",
        "select e'a'",
        "select u&'a'",
        "select $b$ $c$ $b$, pg_read_file('a'), $$ $c$ $$",
    ],
)
def test_it_does_more(sql: str) -> None:
    with pytest.raises(QueryError):
        check_reading(sql)
