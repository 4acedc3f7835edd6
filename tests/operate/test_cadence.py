"""What a budget pays for, and which pace an engine takes."""

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import WarehouseUnavailable
from headwater.operate import cadence as module
from headwater.operate.cadence import (
    LONGEST,
    SHORTEST,
    WITHOUT_BUDGET,
    affordable,
    cadence,
    pace,
    pause_between_tests,
)
from headwater.operate.cost import MONTH, TIB, cost
from headwater.operate.reads import Looks, Workload
from headwater.settings import Prices, Settings, load_settings

PRICES = Prices()
BIGQUERY = '[warehouse]\nurl = "bigquery://project/dataset"\n'


def test_a_budget_buys_bytes_and_bytes_buy_ticks() -> None:
    assert cadence(62.5, TIB / 100, PRICES) == pytest.approx(MONTH / 1000)
    assert cadence(72.5, TIB / 100, PRICES, besides=10) == pytest.approx(MONTH / 1000)
    assert cadence(125, TIB / 100, PRICES) == pytest.approx(MONTH / 2000)


def test_a_budget_that_pays_for_no_tick_is_never() -> None:
    assert cadence(10, TIB, PRICES, besides=10) == math.inf
    assert cadence(0, TIB, PRICES) == math.inf


def test_queries_that_cost_nothing_may_always_run() -> None:
    assert cadence(1, TIB, Prices(query_per_tib=0.0)) == 0


@settings(deadline=None)
@given(st.floats(1, 1e9), st.floats(1, 400), st.floats(1, 1e6))
def test_what_is_affordable_is_within_the_budget_and_hardly_below_it(
    events: float, days: float, budget: float
) -> None:
    workload = Workload(events, streamed_days=days)
    found = affordable(budget, workload, PRICES)
    if found is None:
        assert cost(workload, LONGEST, PRICES).usd > budget
    else:
        assert SHORTEST <= found <= LONGEST
        assert cost(workload, found, PRICES).usd <= budget * 1.006
        if found > SHORTEST:
            assert cost(workload, found * 0.97, PRICES).usd > budget * 0.99


def test_a_larger_budget_never_ticks_less_often() -> None:
    found = [affordable(budget, Workload(1e6, streamed_days=30.0), PRICES) for budget in (50, 200, 1000, 1e4)]
    assert None not in found
    assert found == sorted(found, reverse=True)  # type: ignore[type-var]


def test_what_an_export_costs_is_no_longer_there_for_ticks() -> None:
    workload = Workload(1e6, loaded_days=30.0, streamed_days=7.0)
    found = [
        affordable(1000, replace(workload, looks=looks), PRICES)
        for looks in (None, Looks(900), Looks(3600, has_intraday=True), Looks(900, has_intraday=True))
    ]
    assert None not in found
    assert found == sorted(set(found))  # type: ignore[type-var]
    assert affordable(100, replace(workload, looks=Looks(900, has_intraday=True)), PRICES) is None
    least = cost(replace(workload, looks=Looks(900, has_intraday=True)), found[-1] or 0.0, PRICES)
    assert least.usd <= 1006


def settings_of(home: Path, toml: str) -> Settings:
    (home / "headwater.toml").write_text(toml)
    return load_settings(home, {})


def telling(workload: Workload | None) -> Callable[..., Any]:
    return lambda work: workload


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=module.__name__)


def test_elsewhere_and_where_it_is_set_the_pace_is_what_is_set(tmp_path: Path) -> None:
    def unasked(work: object) -> Any:
        raise AssertionError

    assert pace(settings_of(tmp_path, ""), unasked) == 0.25
    set_here = settings_of(tmp_path, BIGQUERY + "budget_usd_per_month = 1.0\n[stream]\ntick_seconds = 7.0\n")
    assert pace(set_here, unasked) == 7


def test_on_bigquery_the_pace_is_what_the_budget_allows_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(tmp_path, BIGQUERY + "budget_usd_per_month = 200.0\n")
    workload = Workload(1e6, streamed_days=30.0)
    assert pace(settings, telling(workload)) == affordable(200, workload, PRICES)
    assert "what a budget of 200 USD a month pays for" in caplog.messages[-1]
    assert pace(settings, telling(replace(workload, events_per_day=1e10))) == LONGEST
    assert "pays for no more" in caplog.messages[-1]


def test_without_a_budget_or_events_it_is_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert pace(settings_of(tmp_path, BIGQUERY), telling(None)) == WITHOUT_BUDGET
    assert "budget_usd_per_month" in caplog.messages[-1]
    assert (
        pace(settings_of(tmp_path, BIGQUERY + "budget_usd_per_month = 9.0"), telling(None)) == WITHOUT_BUDGET
    )


def test_a_warehouse_that_does_not_answer_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def away(work: object) -> Any:
        raise WarehouseUnavailable("It does not answer.")

    assert pace(settings_of(tmp_path, BIGQUERY + "budget_usd_per_month = 9.0"), away) == WITHOUT_BUDGET
    assert "It does not answer." in caplog.text


def test_tests_run_once_a_day_on_bigquery_unless_it_is_set(tmp_path: Path) -> None:
    assert pause_between_tests(settings_of(tmp_path, "")) == 900
    assert pause_between_tests(settings_of(tmp_path, BIGQUERY)) == 86_400
    assert pause_between_tests(settings_of(tmp_path, BIGQUERY + "[stream]\ntest_minutes = 0.0")) == 0
