"""Google's reference evaluator works out each model over the rows that it reads, and finds those that were built."""

import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from bigquery.house import House
from bigquery.standing import filtered
from bigquery.standins.emulator import BigQueryServer
from bigquery.standins.zetasql import ZetaSql
from conformance import test_golden as golden

pytest.importorskip(
    "dbt.adapters.bigquery", reason="NO DBT-BIGQUERY: pip install 'headwater[bigquery]' to test on it"
)

GROUP = max(golden.GROUPS.values(), key=len)
EMPTY = {
    "stg_covered_days",
    "stg_exported_events",
    "stg_streamed_events",
}  # the cases are files' events alone
Row = dict[str, Any]


@pytest.fixture(scope="module")
def house(bigquery_server: BigQueryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(
        bigquery_server, tmp_path_factory.mktemp("house"), "evaluated", golden.settings_of(GROUP[0])
    )
    built.load(
        [golden.of_its_own(event, f"{case.name}~") for case in GROUP for event in golden.events_of(case)]
    )
    built.build(full=True, test=False)
    yield built
    built.close()


def test_every_model_has_the_rows_that_google_finds(house: House, zetasql: ZetaSql) -> None:
    tables, build = house.schemas(), f"{house.project}.{house.dataset}_build"

    @functools.cache
    def rows(name: str) -> list[Row]:
        column = filtered(tables).get(name)
        days = f" where {column} >= timestamp '0001-01-01 00:00:00+00'" if column else ""
        return house.rows(f"select * from `{name}`{days}")

    chosen = ["--full-refresh", "--select", "resource_type:model", "--exclude", "scope"]
    compiled = house.runner.run(["compile", "--no-write-json", *chosen])
    models = {node.name: node.sql for node in compiled if node.kind == "model"}
    assert len(models) >= 20
    for name, sql in models.items():
        read = {table: columns for table, columns in tables.items() if in_backticks(table) in sql}
        assert read, name
        found = zetasql.evaluate(sql, read, {table: rows(table) for table in read})
        assert as_bag(found) == as_bag(rows(f"{build}.{name}")), name
        assert bool(found) != (name in EMPTY), name


def in_backticks(table: str) -> str:
    """As dbt writes it."""
    return f"`{table.replace('.', '`.`')}`"


def as_bag(rows: list[Row]) -> Counter[frozenset[tuple[str, Any]]]:
    return Counter(frozenset(row.items()) for row in rows)
