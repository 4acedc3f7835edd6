"""Publishing: all of a build or nothing of it, and nobody ever sees a mix."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from product import Product
from raw_events import contents

from headwater.errors import BuildError, HeadwaterError
from headwater.warehouse import connect

NewProduct = Callable[..., Product]

TOTALS = """
    select attribution_model as model, cast(sum(conversion_count) as decimal(38, 12)) as total
    from mart_attribution group by 1
    union all
    select 'conversions', cast(count(*) as decimal(38, 12)) from int_conversions
"""


def orders(start: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "event_name": "purchase",
            "event_timestamp": f"2026-05-01T{10 + hours:02}:00:00Z",
            "user_pseudo_id": f"device {number % 40}",  # known persons come again, so rows are replaced as well
            "transaction_id": f"order {number}",
            "value": number,
        }
        for hours, number in enumerate(range(start, start + count), start=0)
    ]


def test_readers_see_one_build_or_the_next(new_product: NewProduct, engine: str) -> None:
    product = new_product()
    product.load(orders(0, 10))
    product.build(test=False)
    if engine == "duckdb":  # no other process has the file while a build runs
        reader = product.warehouse.reader()
    else:
        reader = connect(product.settings.warehouse.url, product.home, read_only=True)
    stop, seen, mistakes = threading.Event(), set[Decimal](), list[Any]()

    def read() -> None:
        while not stop.is_set():
            try:
                totals = {row["model"]: row["total"] for row in reader.query(TOTALS).to_pylist()}
            except HeadwaterError as error:
                mistakes.append(error)
                continue
            if len(totals) != 6 or len(set(totals.values())) != 1:
                mistakes.append(totals)
            seen.update(totals.values())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for step in range(1, 4):
            product.load(orders(10 * step, 10))
            product.build(test=False)
        product.build(full_refresh=True, test=False)
    finally:
        stop.set()
        thread.join()
        reader.close()
    assert mistakes == []
    assert seen == {Decimal(10), Decimal(20), Decimal(30), Decimal(40)}


def test_a_full_build_writes_in_the_order_of_time(new_product: NewProduct, engine: str) -> None:
    """So that a warehouse passes over the days that nobody asks for."""
    product = new_product()
    days = [(number * 37) % 28 + 1 for number in range(300)]
    product.load(
        [
            {**one, "event_timestamp": f"2026-05-{day:02}T10:00:00Z", "user_pseudo_id": f"device {number}"}
            for number, (one, day) in enumerate(zip(orders(0, 300), days, strict=True))
        ]
    )
    product.build(test=False)
    place = "rowid" if engine == "duckdb" else "ctid"
    for table, column in (
        ("int_touchpoints", "touch_at"),
        ("stg_ga4_sessions", "session_start"),
        ("int_conversions", "conversion_at"),
        ("int_attribution_credits", "conversion_date"),
    ):
        written = [row["at"] for row in product.rows(f"select {column} as at from {table} order by {place}")]
        assert len(written) >= 300
        assert written == sorted(written), table


@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_publication_that_fails_halfway_changes_nothing(
    new_product: NewProduct, full_refresh: bool
) -> None:
    product = new_product()
    product.load(orders(0, 3))
    product.build(test=False)
    # by hand, the last thing that is published was taken away, or something else put in its place
    if full_refresh:
        product.warehouse.execute("drop view mart_last_click_attribution")
        product.warehouse.execute("create table mart_last_click_attribution (mine int)")
    else:
        product.warehouse.execute("alter table int_user_journeys rename to elsewhere")
    tables = ["int_conversions", "int_touchpoints", "int_devices", "headwater_builds"]
    before = contents(product.warehouse, tables)
    product.load(orders(3, 3))
    with pytest.raises(BuildError, match="could not be put in place, and the tables of the last good build"):
        product.build(test=False, full_refresh=full_refresh)
    assert contents(product.warehouse, tables) == before
    if full_refresh:
        product.warehouse.execute("drop table mart_last_click_attribution")
    assert product.build(test=False, full_refresh=True).persons == 6
    assert product.rows("select count(*) as n from int_user_journeys") == [{"n": 6}]


def test_a_view_of_a_user_outlives_an_incremental_build(new_product: NewProduct) -> None:
    product = new_product()
    product.load(orders(0, 3))
    product.build(test=False)
    product.warehouse.execute("create view mine as select count(*) as n from int_conversions")
    product.load(orders(3, 3))
    product.build(test=False)
    assert product.rows("select n from mine") == [{"n": 6}]
    product.build(full_refresh=True, test=False)
    assert product.rows("select n from mine") == [{"n": 6}]
