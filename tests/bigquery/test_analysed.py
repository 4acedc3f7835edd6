"""That Google's analyser is heard: it refuses what the stand-in takes, and knows whatever a statement can name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bigquery.standins.emulator import BigQueryServer

from headwater.warehouse.bigquery import BigQueryWarehouse

pytestmark = pytest.mark.stand_in_only("BigQuery itself refuses what is sent here")

Refused = Callable[[], dict[str, str]]


@pytest.fixture(scope="module")
def warehouse(
    on_bigquery: BigQueryServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BigQueryWarehouse]:
    opened = BigQueryWarehouse(on_bigquery.url_of("analysed"), tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.fixture
def refused(analysed: Any, warehouse: BigQueryWarehouse) -> Refused:
    if analysed is None:
        pytest.skip("NO ZETASQL: nobody reads what is sent")
    assert analysed.refused() == {}
    return analysed.refused


def test_questions(warehouse: BigQueryWarehouse, refused: Refused) -> None:
    taken = "select origin from headwater_batches where batch_id > {}"
    warehouse.query_as_written(taken.format(1))
    warehouse.query_as_written(taken.format(2))
    assert refused() == {}
    cast = "select batch_id::string from headwater_batches where batch_id > {}"
    for number in (1, 2):
        warehouse.query_as_written(cast.format(number))
        assert set(refused()) == {cast.format(number)}
    warehouse.query("select origin from headwater_batches where batch_id > $1", [1])
    assert refused() == {}
    warehouse.reader().query_within(
        10**6, "select accepted from headwater_batches where origin like $1", ["a%"]
    )
    assert refused() == {}


def test_a_look_at_all_days(warehouse: BigQueryWarehouse, refused: Refused) -> None:
    """The stand-in asks for one condition in the whole statement, BigQuery for one at each look."""
    both = "select one.event_id from events_streaming as one join ga4_events_raw as other using (event_id)"
    warehouse.query(both)
    assert refused() == {}
    warehouse.query_as_written(f"{both} where one.event_timestamp >= timestamp '2026-05-01'")
    [reason] = refused().values()
    assert "table 'ga4_events_raw' without a filter over column(s) 'event_timestamp'" in reason


def test_the_statements_of_a_transaction(warehouse: BigQueryWarehouse, refused: Refused) -> None:
    with warehouse.transaction():
        warehouse.execute("create table made_within as select 1 as a")
    [reason] = refused().values()
    assert "a transaction takes no DDL" in reason


def test_what_stands_and_what_is_no_more(
    warehouse: BigQueryWarehouse, refused: Refused, on_bigquery: BigQueryServer
) -> None:
    client = on_bigquery.client()
    for column in ("first", "second"):
        client.query(f"create or replace table analysed.elsewhere as select 'a' as {column}").result()
        warehouse.execute(f"create view {column}_seen as select {column} from elsewhere")
        warehouse.query_as_written(f"select {column} from {column}_seen join elsewhere using ({column})")
        assert refused() == {}


def test_what_a_session_has_made(warehouse: BigQueryWarehouse, refused: Refused) -> None:
    own = warehouse.another()
    bench = own.workbench()
    own.make("table", f"{bench}.headwater_batches", "select 1 as a")
    own.query_as_written(
        f"select own.a, live.origin from {bench}.headwater_batches as own cross join analysed.headwater_batches as live"
    )
    assert refused() == {}
    own.query_as_written(f"select a::string from {bench}.headwater_batches")
    assert len(refused()) == 1
    own.unmake([("table", f"{bench}.headwater_batches")])
    own.query_as_written("select origin from headwater_batches")
    warehouse.query_as_written("select origin from headwater_batches")
    assert refused() == {}
    own.close()
