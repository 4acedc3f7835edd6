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
    assert found["from_dry_runs"] is found["export_from_dry_runs"] is False
    assert found["export"] is None
    assert found["programs"].keys() == {"append", "tick", "tests", "build"}


def test_the_propertys_export_takes_the_place_of_streamed_history(run: Run) -> None:
    found = json.loads(run("cost", "--events-per-day", "1e6", "--exported", "--json").out)
    assert (found["loaded_days"], found["streamed_days"]) == (365, 7)


def test_what_it_costs_to_take_an_export_in_is_part_of_the_month(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("cost", "--events-per-day", "1e6", "--exported", "--tick-seconds", "3600", "--json")
    plain, growing = (json.loads(run(*words, *more).out) for more in ((), ("--intraday",)))
    assert plain["export"] == {"look_seconds": 900, "exports": 1, "has_intraday": False}
    assert growing["programs"].keys() - plain["programs"].keys() == {"intraday"}
    assert plain["programs"]["look"]["bytes_billed"] == 2 * 10 * 2**20
    added = growing["programs"]["intraday"]["bytes_billed_per_month"]
    assert growing["usd_per_month"]["queries"] - plain["usd_per_month"]["queries"] > added / 2**40 * 6.25 > 1
    monkeypatch.setenv("HEADWATER_WAREHOUSE__EXPORT_MINUTES", "60")
    less = json.loads(run(*words, "--intraday").out)["programs"]
    assert less["look"]["runs_per_month"] == growing["programs"]["look"]["runs_per_month"] / 4
    told = run(*words[:-1], "--intraday", "--budget", "9")
    assert "a look at GA4's export every 1 h" in told.out
    assert "its table of today, as it grows" in told.out
    assert (
        "pays for no tick a day: keep less history, look at the export less often, or use slots." in told.out
    )


def test_todays_table_is_one_of_an_export(run: Run) -> None:
    told = run("cost", "--events-per-day", "1e6", "--intraday")
    assert told.code == 2
    assert "--exported" in told.err


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
