"""The days of history that a tick names, and that it needs no others."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from conformance.test_histories import PUBLISHED
from product import Product

from headwater.engine.fold import fold
from headwater.transform import days as module
from headwater.transform.days import ALWAYS, DaysOfBuild, days, of_dates, of_moments, wider, with_days
from headwater.warehouse import connect
from headwater.warehouse.protocol import RAW_TABLES

NewProduct = Callable[..., Product]

FIRST = datetime(2026, 4, 1, 12, tzinfo=UTC)
DAYS = 30


def on(day: int) -> date:
    return date(2026, 5, day)


def test_days_that_touch_are_one_span() -> None:
    assert days([(on(4), on(5)), (on(1), on(2)), (on(3), on(3)), (on(8), on(9)), (on(8), on(8))]) == (
        (on(1), on(5)),
        (on(8), on(9)),
    )
    assert days([]) == ()


def test_too_many_spans_lose_their_shortest_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPANS", 3)
    apart = [(on(day), on(day)) for day in (1, 4, 6, 10, 20)]
    assert days(apart) == ((on(1), on(6)), (on(10), on(10)), (on(20), on(20)))
    assert days(apart[:3]) == tuple(apart[:3])


def test_no_span_goes_beyond_time() -> None:
    assert wider(ALWAYS, 2) == ALWAYS
    assert of_moments("at", ALWAYS) == "(at >= timestamp '0001-01-01 00:00:00+00')"


def test_a_condition_names_its_column_where_there_is_no_day() -> None:
    assert of_moments("at", ()) == "(at < timestamp '0001-01-01 00:00:00+00')"
    assert of_dates("day", ()) == "(false)"
    assert of_dates("day", ((on(2), on(3)),)) == "(day between date '2026-05-01' and date '2026-05-04')"


def test_constants_take_the_place_of_any_day() -> None:
    sql = "where raw.at >= timestamp '0001-01-01 00:00:00+00' /* new days */ and x"
    assert with_days(sql, {"new": ((on(2), on(3)),)}.__getitem__) == (
        "where (raw.at >= timestamp '2026-05-02 00:00:00+00' and raw.at < timestamp '2026-05-04 00:00:00+00') and x"
    )


def event(number: int, day: float, device: str, **columns: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_name": "page_view",
        "event_timestamp": (FIRST + timedelta(days=day)).isoformat(),
        "user_pseudo_id": device,
        "ga_session_id": int(day * 24),
        **columns,
    }


def history() -> list[dict[str, Any]]:
    """A month in which everyone comes on several days, logs in, buys."""
    found = []
    for number in range(DAYS * 8):
        day, device = number % DAYS, number % 7
        columns: dict[str, Any] = {"source": ["google", "bing", None][number % 3], "medium": "cpc"}
        if number % 5 == 0:
            columns |= {"event_name": "purchase", "transaction_id": f"t{number % 40}", "value": number}
        if number % 11 == 0:
            columns["user_id"] = f"u{device % 3}"
        if number % 4 == 0:
            columns["ga_session_id"] = None
        found.append(event(number, day + number / 1000, f"d{device}", **columns))
    return found


def latest() -> list[dict[str, Any]]:
    """A day later: known devices again, one of another person, an order sent twice, refunds of old orders."""
    day = DAYS + 0.5
    return [
        event(1001, day, "d0", source="newsletter", medium="email"),
        event(1002, day, "d1", user_id="u2"),
        event(1003, day, "d9", event_name="purchase", transaction_id="t5", value=7),
        event(1004, day, "d2", event_name="refund", transaction_id="t10", value=3),
        event(1005, day, "d3", event_name="purchase", transaction_id="t99", value=11),
        event(1006, day, "d10"),
    ]


def tables(product: Product) -> dict[str, Counter[str]]:
    made = [name for name in PUBLISHED if name != "stg_ga4_events"]  # a view over what is there
    return {name: Counter(map(str, product.rows(f"select * from {name}"))) for name in made}


def test_a_tick_needs_no_other_days_than_those_it_names(new_product: NewProduct) -> None:
    whole = new_product()
    whole.load([*history(), *latest()])
    whole.build(test=False)
    wanted = tables(whole)

    product = new_product()
    product.load(history())
    product.build(test=False)
    cut = (FIRST + timedelta(days=DAYS - 2)).date()
    for table in RAW_TABLES:
        product.warehouse.execute(f"delete from {table} where event_timestamp < timestamp '{cut} 00:00:00'")
    product.load(latest())
    assert not product.build(test=False).full
    assert tables(product) == wanted


def test_the_books_say_from_when_to_when_a_batch_is(
    new_product: NewProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = new_product()
    product.load([event(1, 0, "a"), event(2, 3, "a"), {"event_name": "of nobody"}])
    product.load([event(3, 9, "b")])
    product.load([{"event_name": "of nobody"}])
    warehouse = product.warehouse
    found = [DaysOfBuild(warehouse, "main", *window).new for window in ((0, 1), (1, 2), (0, 3), (2, 3))]
    first, last = (date(2026, 4, 1), date(2026, 4, 4)), (date(2026, 4, 10), date(2026, 4, 10))
    assert found == [(first,), (last,), (first, last), ()]

    monkeypatch.setattr("headwater.engine.fold.KEPT", 0)
    warehouse.execute("update headwater_batches set origin = 'journal'")
    fold(warehouse)
    assert DaysOfBuild(warehouse, "main", 0, 3).new == ((first[0], last[1]),)


def test_an_older_warehouse_is_given_what_it_lacks(new_product: NewProduct, engine: str) -> None:
    product = new_product()
    product.load([event(1, 0, "a")])
    url, home = product.settings.warehouse.url, product.home
    for column in ("first_event_at", "last_event_at"):
        product.warehouse.execute(f"alter table headwater_batches drop column {column}")
    product.close()
    warehouse = connect(url, home)
    try:
        assert DaysOfBuild(warehouse, "main", 0, 1).new == ALWAYS
        assert "last_event_at" in warehouse.columns(warehouse.schema, "headwater_batches")
    finally:
        warehouse.close()
    product.warehouse = connect(url, home)
    product.load([event(2, 1, "a")])
    assert DaysOfBuild(product.warehouse, "main", 1, 2).new == ((date(2026, 4, 2), date(2026, 4, 2)),)
