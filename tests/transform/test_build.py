"""When a build runs and how much of it; what a failed one leaves; one builder at a time."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from product import Product
from raw_events import contents

from headwater.errors import BuildError, WarehouseLocked

NewProduct = Callable[..., Product]


def purchase(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "event_id": f"order {number}",
        "event_name": "purchase",
        "event_timestamp": f"2026-05-01T10:{number % 60:02}:00Z",
        "user_pseudo_id": f"device {number}",
        "source": "newsletter",
        "medium": "email",
        "value": "10",
        "currency": "EUR",
        **columns,
    }


def published(product: Product) -> dict[str, list[str]]:
    """All that readers see, save the moments of loading and building."""
    return contents(
        product.warehouse, [name for name in product.warehouse.tables() if name != "dead_letters"]
    )


def again(product: Product, dotted: dict[str, Any]) -> Product:
    """The same home and warehouse with other settings, as after an edit of headwater.toml."""
    return Product(product.home, product.settings.warehouse.url, dotted)


def test_a_build_does_what_has_changed_and_says_why(new_product: NewProduct) -> None:
    product = new_product()
    product.load([purchase(1)])
    first = product.build(test=False)
    assert (first.changed, first.full, first.reason, first.persons) == (True, True, "the first build", 1)

    before, books = published(product), contents(product.warehouse, ["headwater_builds"])
    took = []
    while not took or (took[-1] >= 0.5 and len(took) < 5):  # a busy machine may have been slow
        started = time.monotonic()
        nothing = product.build(test=False)
        took.append(time.monotonic() - started)
    assert min(took) < 0.5
    assert (nothing.changed, nothing.reason) == (False, "nothing new")
    assert (published(product), contents(product.warehouse, ["headwater_builds"])) == (before, books)

    product.load([purchase(2)])
    some = product.build(test=False)
    assert (some.changed, some.full, some.persons, some.batches) == (True, False, 1, 1)

    product.warehouse.execute("insert into exchange_rates values (date '2026-05-01', 'USD', 0.9)")
    assert not product.build(test=False).changed  # no rate matters while no reporting currency is set

    euros = again(product, {"reporting_currency": "EUR"})
    assert euros.build(test=False).full
    product.warehouse.execute("insert into exchange_rates values (date '2026-05-02', 'USD', 0.8)")
    rates = euros.build(test=False)
    assert (rates.full, rates.persons) == (True, 2)
    assert "exchange rates" in rates.reason
    assert not euros.build(test=False).changed
    euros.close()

    linear = again(product, {"attribution.models": ["first_click", "last_click", "linear"]})
    changed = linear.build(test=False)
    assert changed.full
    assert "settings" in changed.reason
    models = linear.rows("select distinct attribution_model as model from int_attribution_credits order by 1")
    assert [row["model"] for row in models] == ["first_click", "last_click", "linear"]
    linear.close()


def test_a_second_currency_leaves_the_last_tables_until_the_settings_say_more(
    new_product: NewProduct,
) -> None:
    product = new_product()
    product.load([purchase(1)])
    product.build(test=False)
    before, books = published(product), contents(product.warehouse, ["headwater_builds"])
    rows = len(before["mart_attribution"])
    product.load([purchase(2, currency="USD")])
    seen = {name: rows for name, rows in before.items() if not name.startswith(("ga4_", "stg_ga4_events"))}
    for full_refresh in (False, True):
        with pytest.raises(
            BuildError, match=r'set reporting_currency in headwater.toml .* "EUR".*still in place'
        ):
            product.build(full_refresh=full_refresh)
        after = published(product)
        assert {name: after[name] for name in seen} == seen
        assert contents(product.warehouse, ["headwater_builds"]) == books
    told = again(
        product,
        {
            "reporting_currency": "EUR",
            "exchange_rates": [{"rate_date": "2026-05-01", "currency": "USD", "rate": "0.9"}],
        },
    )
    assert told.build().persons == 2
    values = told.rows(
        "select cast(sum(conversion_value) as decimal(38, 2)) as v from mart_first_click_attribution"
    )
    assert [str(row["v"]) for row in values] == ["19.00"]
    assert rows == 5  # each model had a row for the one order
    told.close()


def test_a_model_that_fails_leaves_the_last_tables_and_the_next_build_is_complete(
    new_product: NewProduct,
) -> None:
    product = new_product()
    product.load([purchase(1)])
    product.build(test=False)
    before = published(product)
    product.load([purchase(2), purchase(3)])
    product.warehouse.execute("alter table headwater_coverage rename to elsewhere")  # by hand, say
    with pytest.raises(
        BuildError, match=r"The model \w+ could not be built, and the tables of the last good build"
    ):
        product.build(test=False)
    for table in ("mart_attribution", "int_conversions", "int_touchpoints"):
        assert contents(product.warehouse, [table])[table] == before[table]
    product.warehouse.execute("alter table elsewhere rename to headwater_coverage")
    assert product.build(test=False).persons == 2
    incremental = published(product)
    assert len(incremental["int_conversions"]) == 3
    product.build(full_refresh=True, test=False)
    assert published(product) == incremental


def test_the_second_builder_on_a_server_is_told_at_once(
    new_product: NewProduct, engine: str, tmp_path: Path
) -> None:
    if engine == "duckdb":
        pytest.skip("a DuckDB file has one process, which tests/faults/test_errors.py looks at")
    product = new_product()
    product.load([purchase(1)])
    other = Product(tmp_path / "other", product.settings.warehouse.url)
    said: list[str] = []
    halfway, go_on = threading.Event(), threading.Event()

    def progress(what: str) -> None:
        said.append(what)
        if what == "publishing":
            halfway.set()
            assert go_on.wait(120)

    builder = threading.Thread(target=product.builder.build, kwargs={"test": False, "progress": progress})
    builder.start()
    try:
        assert halfway.wait(60)
        started = time.monotonic()
        with pytest.raises(WarehouseLocked, match=r"Another headwater is building .*: wait until it is done"):
            other.build(test=False)
        assert time.monotonic() - started < 15  # and not only when the other, which goes on below, has ended
    finally:
        go_on.set()
        builder.join()
    assert not other.build(test=False).changed  # the first has done it all, under the same settings
    other.close()
