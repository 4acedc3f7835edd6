"""The formula: every part against what a pencil gives."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.operate.basis import LIVE, Basis, Statement, Table, basis
from headwater.operate.cost import (
    GIB,
    MONTH,
    TIB,
    cost,
    ingestion,
    ingestion_usd,
    queries_usd,
    storage_usd,
    stored,
)
from headwater.operate.reads import DAY, LEAST, Read, Workload, in_scope, reads
from headwater.settings import Prices

PRICES = Prices()
SMALL = Basis(
    events=10,
    tables={
        "ga4_events_raw": Table(1.0, {"a": 100.0, "b": 900.0}),
        "events_streaming": Table(1.0, {"a": 100.0, "b": 900.0}),
        "scope_loaded_events": Table(1.0, {"a": 100.0}),
        "scope_streamed_events": Table(1.0, {"a": 100.0}),
        "int_devices": Table(0.1, {"a": 50.0}),
    },
    published=("int_devices",),
    by_day=frozenset(["ga4_events_raw", "events_streaming"]),
    returns=(1.0, 0.5, 0.1),
    tick=(),
    build=(Statement("int_devices", {f"{LIVE}ga4_events_raw": ("a",)}),),
    tests=(),
)


def billed(reading: dict[str, tuple[str, ...] | None], workload: Workload, scope: float = 1.0) -> float:
    (found,) = reads([Statement("x", reading)], workload, SMALL, scope=scope)
    return found.billed


def test_a_statement_is_charged_for_the_whole_of_each_column_that_it_names() -> None:
    workload = Workload(1e6, loaded_days=10.0, streamed_days=5.0)
    assert billed({f"{LIVE}ga4_events_raw": ("a",)}, workload) == 1e7 * 100
    assert billed({f"{LIVE}events_streaming": None}, workload) == 5e6 * 1000
    assert (
        billed({f"{LIVE}int_devices": ("a",)}, workload) == 1e7 * 0.1 * 50
    )  # a day that lies in both counts once


def test_ten_megabytes_are_the_least_of_a_table_and_of_a_query() -> None:
    workload = Workload(1.0, streamed_days=1.0)
    assert billed({}, workload) == LEAST
    assert (
        billed({"headwater_window": ("to_batch",), f"{LIVE}events_streaming": ("a",)}, workload) == 2 * LEAST
    )


def test_what_a_tick_makes_itself_grows_with_its_scope_and_what_is_there_with_history() -> None:
    workload = Workload(1e6, streamed_days=100.0)
    assert billed({"scope_streamed_events": None}, workload, scope=0.5) == 1e8 * 100 * 0.5
    assert billed({f"{LIVE}events_streaming": ("a",)}, workload, scope=0.5) == 1e8 * 100
    assert in_scope(workload, DAY, SMALL) == pytest.approx(1.25e6 / 1e7)
    assert in_scope(replace(workload, streamed_days=1.0), DAY, SMALL) == 1.0


def test_queries_have_a_free_tebibyte_a_month() -> None:
    assert queries_usd(0.5 * TIB, PRICES) == 0
    assert queries_usd(3 * TIB, PRICES) == 12.5


def test_storage_rests_after_ninety_days() -> None:
    active, resting = stored(Workload(1e6, loaded_days=100.0, streamed_days=0.0), SMALL)
    assert resting == 10 * 1e6 * 1000
    assert active == (90 + 1) * 1e6 * 1000 + 1e8 * 0.1 * 50  # a day of staging, and what is published
    assert storage_usd(110 * GIB, 50 * GIB, PRICES) == pytest.approx(100 * 0.02 + 50 * 0.01)
    assert storage_usd(4 * GIB, 50 * GIB, PRICES) == pytest.approx(44 * 0.01)  # what is free is free once


def test_streaming_in_is_charged_as_it_is_written() -> None:
    workload = Workload(1e6)
    rows = 1e6 * MONTH / DAY
    assert ingestion(workload, SMALL, "storage_write") == pytest.approx(rows * 1000)
    assert ingestion(workload, SMALL, "insert_all") == pytest.approx(rows * 1024)  # the least of a row
    assert ingestion(replace(workload, streamed_days=0.0), SMALL, "storage_write") == 0
    assert ingestion_usd(2 * TIB, PRICES, "storage_write") == 0
    assert ingestion_usd(3 * TIB, PRICES, "storage_write") == pytest.approx(1024 * 0.025)
    assert ingestion_usd(200 * 2**20, PRICES, "insert_all") == pytest.approx(0.01)


def test_a_month_is_the_sum_of_its_parts() -> None:
    month = cost(Workload(1e7), 900, PRICES)
    assert month.program("tick").runs_per_month == MONTH / 900
    assert month.usd == pytest.approx(month.queries_usd + month.storage_usd + month.ingestion_usd)
    assert month.queries_usd == pytest.approx((month.queried_bytes / TIB - 1) * 6.25)
    assert {one.name for one in month.programs} == {"append", "tick", "tests", "build"}


def test_dry_runs_take_the_place_of_the_formula() -> None:
    measured = {"tick": (Read("all", 5.0 * GIB, 5.0 * GIB),)}
    month = cost(Workload(1e7), 900, PRICES, measured=measured)
    assert month.program("tick").billed == 5 * GIB
    assert month.program("build") == cost(Workload(1e7), 900, PRICES).program("build")


def test_slots_come_in_steps_of_fifty_and_for_a_minute() -> None:
    often = cost(Workload(1000), 30, PRICES)
    assert often.slots < 1
    turns = often.program("tick").runs_per_month
    assert turns * 60 > MONTH
    assert often.slots_usd == pytest.approx(50 * (730 + (730 / 24 + 1) / 60) * 0.06)
    large = cost(Workload(1e10), 900, PRICES)
    assert large.slots_usd == pytest.approx(large.slots * 730 * 0.06, rel=0.01)


def test_no_tests_cost_nothing() -> None:
    assert cost(Workload(1e6, test_seconds=0.0), 900, PRICES).program("tests").billed_per_month == 0


def test_clients_that_choose_their_ids_make_appends_look_at_all_of_history() -> None:
    computed = cost(Workload(1e7), 900, PRICES).program("append").billed
    chosen = cost(Workload(1e7, repeat_days=365.0), 900, PRICES).program("append").billed
    assert chosen > 10 * computed


@settings(deadline=None)
@given(st.floats(1, 1e11), st.floats(1, 1000), st.floats(1, 86_400))
def test_more_events_or_more_history_never_cost_less(events: float, days: float, seconds: float) -> None:
    less = cost(Workload(events, streamed_days=days), seconds, PRICES).usd
    assert cost(Workload(events * 2, streamed_days=days), seconds, PRICES).usd >= less * (1 - 1e-12)
    assert cost(Workload(events, streamed_days=days * 2), seconds, PRICES).usd >= less * (1 - 1e-12)


def test_the_measured_rows_are_there_for_every_table_that_statements_read() -> None:
    known = basis()
    read = {name.removeprefix(LIVE) for one in (*known.tick, *known.build) for name in one.reads}
    unmeasured = {name for name in read - known.tables.keys() if not name.startswith("headwater_")}
    assert unmeasured <= {"traffic_sources", "exchange_rates"}  # a few thousand rows at most
    assert known.events > 100_000
    for statement in (*known.tick, *known.build, *known.tests):
        for name, columns in statement.reads.items():
            table = known.tables.get(name.removeprefix(LIVE))
            assert table is None or not table.rows_per_event or set(columns or ()) <= table.bytes.keys()
