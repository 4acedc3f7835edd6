"""cost and looker on the command line."""

import json
from urllib.parse import urlsplit

import pytest
from cli.conftest import Run

BIGQUERY = "bigquery://my-project/analytics"


def test_cost_needs_no_warehouse_and_no_network(run: Run) -> None:
    told = run("cost", "--events-per-day", "1000000", "--tick-seconds", "900", "--budget", "200")
    assert told.code == 0
    for word in (
        "1,000,000 events a day",
        "ticks",
        "full builds",
        "storage",
        "scope_streamed_events",
        "formula",
    ):
        assert word in told.out
    assert "A budget of 200 USD a month pays for a tick every" in told.out


def test_cost_as_json(run: Run) -> None:
    words = ("cost", "--events-per-day", "1e6", "--history-days", "30", "--budget", "200")
    told = run(*words, "--json")
    assert told.code == 0
    assert run(*words, "--format", "json").out == told.out
    found = json.loads(told.out)
    usd = found["usd_per_month"]
    assert usd["total"] == pytest.approx(usd["queries"] + usd["storage"] + usd["ingestion"])
    assert found["tick_seconds"] == found["affordable_tick_seconds"]
    assert usd["total"] == pytest.approx(200, rel=0.01)
    assert found["from_dry_runs"] is False
    assert found["programs"].keys() == {"append", "tick", "tests", "build"}


def test_the_propertys_export_takes_the_place_of_streamed_history(run: Run) -> None:
    found = json.loads(run("cost", "--events-per-day", "1e6", "--exported", "--json").out)
    assert (found["loaded_days"], found["streamed_days"]) == (365, 7)


def test_a_budget_too_small_for_anything_is_said(run: Run) -> None:
    told = run("cost", "--events-per-day", "1e10", "--budget", "10")
    assert told.code == 0
    assert "pays for no tick a day" in told.out


def test_prices_come_from_the_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("cost", "--events-per-day", "1e7", "--tick-seconds", "900", "--json")
    usual = json.loads(run(*words).out)["usd_per_month"]["queries"]
    monkeypatch.setenv("HEADWATER_PRICES__QUERY_PER_TIB", "12.5")
    assert json.loads(run(*words).out)["usd_per_month"]["queries"] == pytest.approx(2 * usual)


def test_without_events_it_says_what_to_do(run: Run) -> None:
    told = run("cost")
    assert told.code == 2
    assert "--events-per-day 1000000" in told.err
    assert told.err.count("\n") == 1


def test_looker_prints_the_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_WAREHOUSE__URL", BIGQUERY)
    told = run("looker", "--report-id", "abc")
    assert told.code == 0
    assert urlsplit(told.out.strip()).netloc == "lookerstudio.google.com"
    assert "c.reportId=abc" in told.out


def test_looker_elsewhere_is_one_sentence(run: Run) -> None:
    told = run("looker")
    assert told.code == 1
    assert "bigquery://PROJECT/DATASET" in told.err
    assert told.err.count("\n") == 1
