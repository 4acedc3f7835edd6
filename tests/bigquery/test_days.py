"""The statements of a tick name the days that it needs: BigQuery passes over partitions by constants alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bigquery.service import BigQueryService
from bigquery.standins.emulator import BigQueryServer
from product import Product

from headwater.serve.filters import Filters
from headwater.serve.questions.events import events as newest_events
from headwater.warehouse.bigquery_jobs import Jobs
from headwater.warehouse.protocol import RAW_TABLES

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMED = re.compile(r"event_timestamp (>=|<) timestamp '(\d{4}-\d\d-\d\d) 00:00:00\+00'")
DAY = re.compile(r"CAST\('(\d{4}-\d\d-\d\d)(?: 00:00:00\+00)?' AS (?:DATE|TIMESTAMP)\)")
KEPT_BY_DAY = (
    "int_attribution_credits", "int_conversions", "int_kept_events", "int_orders", "int_touchpoints",
    "int_user_journeys", "stg_ga4_conversions", "stg_ga4_sessions",
)  # fmt: skip


def event(number: int, day: int, **columns: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_name": "purchase" if number % 4 == 0 else "page_view",
        "event_timestamp": (FIRST + timedelta(days=day, minutes=number)).isoformat(),
        "user_pseudo_id": f"d{number % 5}",
        "ga_session_id": number,
        "transaction_id": f"t{number}" if number % 4 == 0 else None,
        **columns,
    }


@pytest.fixture(scope="module")
def product(
    on_bigquery: BigQueryServer | BigQueryService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    made = Product(tmp_path_factory.mktemp("days") / "home", on_bigquery.url_of("days"))
    yield made
    made.close()


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    sent: list[str] = []
    begun = Jobs._begun

    def record(jobs: Jobs, sql: str, *rest: Any) -> Any:
        sent.append(sql)
        return begun(jobs, sql, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Jobs, "_begun", record)
        yield sent


def sent_by_tick(product: Product, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with recorded(monkeypatch) as sent:
        report = product.build(test=False)
    assert report.changed
    assert not report.full
    return sent


def test_a_tick_names_the_days_that_it_needs(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    product.load([event(number, number) for number in range(40)])
    product.build(test=False)
    product.load(
        [event(100, 50, user_pseudo_id="d1"), event(101, 50, event_name="refund", transaction_id="t4")]
    )
    sent = sent_by_tick(product, monkeypatch)

    reading = [sql for sql in sent if any(table in sql for table in RAW_TABLES)]
    assert len(reading) >= 3
    for sql in reading:
        assert "0001-01-01" not in sql.replace("event_timestamp < timestamp '0001-01-01 00:00:00+00'", ""), (
            sql
        )
        assert {day for sign, day in NAMED.findall(sql) if day > "0001-01-01"} <= {"2026-04-20", "2026-04-21"}

    # the device that came again, and the one whose order is refunded
    published = {(FIRST + timedelta(days=day)).date() for day in (*range(1, 40, 5), *range(4, 40, 5), 50)}
    (publication,) = [sql for sql in sent if "delete from" in sql.lower() and "int_touchpoints" in sql]
    deletes = {
        found[1].rpartition(".")[2]: found[0]
        for found in re.finditer(r"DELETE FROM ([\w.`]+) WHERE [^;]*", publication, re.IGNORECASE)
    }
    for table in KEPT_BY_DAY:
        named = {datetime.fromisoformat(day).date() for day in DAY.findall(deletes[table])}
        assert named, table
        around = {day + timedelta(days=more) for day in published for more in (-1, 0, 1)}
        assert named <= around, table


def test_the_newest_events_are_sought_on_their_days(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two of the last batch: those of the first one would have it read all days."""
    with recorded(monkeypatch) as sent:
        found = newest_events(product.warehouse.reader(), 2, Filters(), 2)
        product.load([event(200, 30)])
        product.build(test=False)
        with_late = newest_events(product.warehouse.reader(), 3, Filters(), 3)
    assert found["event_at"].to_pylist() == [
        FIRST.replace(tzinfo=None) + timedelta(days=50, minutes=minute) for minute in (101, 100)
    ]
    assert with_late.num_rows == 3
    looks = [sql for sql in sent if "page_location AS page" in sql]
    assert len(looks) == 2
    assert all("0001-01-01" not in sql and sql.count("event_timestamp >= @p") == 2 for sql in looks), looks


def test_what_the_tick_published_is_what_a_full_build_does(product: Product) -> None:
    tables = (
        "int_attribution_credits",
        "int_conversions",
        "int_kept_events",
        "stg_ga4_sessions",
        "int_logins",
    )
    by_tick = {name: sorted(map(str, product.rows(f"select * from {name}"))) for name in tables}
    product.build(full_refresh=True, test=False)
    assert {name: sorted(map(str, product.rows(f"select * from {name}"))) for name in tables} == by_tick
