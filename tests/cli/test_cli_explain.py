"""explain, rates and docs as a user types them. dbt runs in a process of its own: it keeps the file open."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EVENTS = [
    {"event_id": "click", "event_name": "page_view", "event_timestamp": "2026-05-01T10:00:00Z", "gclid": "g"},
    {
        "event_id": "purchase-1",
        "event_name": "purchase",
        "event_timestamp": "2026-05-01T11:00:00Z",
        "value": "12.50",
        "currency": "USD",
        "transaction_id": "t1",
    },
]


def in_a_process(folder: Path, *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "headwater", *words], capture_output=True, text=True, check=False, cwd=folder
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that is loaded and built."""
    folder = tmp_path_factory.mktemp("shop")
    lines = [json.dumps(event | {"user_pseudo_id": "d1"}) + "\n" for event in EVENTS]
    (folder / "events.ndjson").write_text("".join(lines))
    in_a_process(folder, "load", "events.ndjson")
    in_a_process(folder, "build")
    return folder / ".headwater"


def test_explain_prints_a_page_and_its_facts(built: Path, run: Any) -> None:
    ran = run("explain", "t1", "--home", str(built))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "purchase of 12.50 USD, order t1\n"
        "Fri 1 May 2026, 11:00:00 UTC\n"
        "One device on which nobody has logged in\n"
        "Id purchase-1\n"
    )
    assert f"--home {built}" in ran.out.splitlines()[-1]

    ran = run("explain", "purchase", "--format", "json", "--home", str(built))
    facts = json.loads(ran.out)
    assert facts["conversion"]["conversion_value"] == 12.5
    assert facts["touches"][0] | {"click_id": "gclid", "channel": "Paid Search"} == facts["touches"][0]
    assert facts["credits"][0] | {"attribution_model": "first_click", "credit": 1} == facts["credits"][0]
    assert list(facts) == [
        "conversion",
        "repeat_asked_for",
        "worth",
        "lookback_from",
        "touches",
        "later_touches",
        "steps",
        "credits",
        "devices",
        "settings",
        "freshness",
    ]


def test_explain_of_nothing(built: Path, run: Any) -> None:
    ran = run("explain", " ", "--home", str(built))
    assert (ran.code, ran.out) == (2, "")
    ran = run("explain", "nobody", "--home", str(built))
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "There is no conversion 'nobody'" in ran.err


def test_rates_are_loaded_and_listed(run: Any) -> None:
    Path("rates.csv").write_text("date,currency,rate\n2026-05-01,USD,0.92\n2026-05-02,USD,0.93\n")
    ran = run("rates", "rates.csv", "--home", "euros")
    assert (ran.code, ran.err) == (0, "")
    assert "2 rates loaded from rates.csv." in ran.out
    assert "set reporting_currency" in ran.out
    Path("euros/headwater.toml").write_text('reporting_currency = "EUR"\n')
    ran = run("rates", "--home", "euros")
    assert " ".join(ran.out.splitlines()[-1].split()) == "| USD | 2026-05-01 | 2026-05-02 | 2 |"
    assert "reporting_currency" not in ran.out
    report = json.loads(run("rates", "rates.csv", "--json", "--home", "euros").out)
    assert report == {
        "reporting_currency": "EUR",
        "loaded": 2,
        "rates": [
            {"currency": "USD", "first_date": "2026-05-01", "last_date": "2026-05-02", "rates": 2},
        ],
    }


def test_rates_that_are_wrong_make_no_warehouse(run: Any) -> None:
    Path("rates.csv").write_text("date,currency,rate\n2026-05-01,USD,-1\n")
    ran = run("rates", "rates.csv", "--home", "euros")
    assert (ran.code, ran.out) == (1, "")
    assert (
        ran.err
        == "error: rates.csv, line 2: the rate -1 is not above 0 and below 10^9; correct it and try again.\n"
    )
    assert not Path("euros").exists()


def test_docs_are_one_page_that_calls_nobody(built: Path) -> None:
    said = in_a_process(built.parent, "docs", "--out", "site")
    assert (built.parent / "site" / "index.html").as_uri() in said
    text = (built.parent / "site" / "index.html").read_text(encoding="utf-8")
    assert "Conversions: each order once, less what was refunded." in text
    assert "headwater_dashboard" in text
    assert re.search(r'"send_anonymous_usage_stats": ?false', text)  # or the page would load a tracker
    tags = re.findall(r"<(?:script|link|img)\b[^>]*", text.partition("<body")[0])
    assert [tag for tag in tags if re.search(r'(?:src|href)="?(?:https?:)?//', tag)] == []
    catalogue = re.search(
        r'"model\.headwater\.int_conversions": ?\{"metadata": ?\{[^}]*"schema": ?"main"', text
    )
    assert catalogue
    assert '"root_path": "/' not in text


def test_docs_of_nothing_make_nothing(run: Any) -> None:
    ran = run("docs")
    assert (ran.code, ran.out) == (1, "")
    assert not Path(".headwater").exists()
    Path("events.ndjson").write_text(json.dumps(EVENTS[1] | {"user_pseudo_id": "d1"}) + "\n")
    run("load", "events.ndjson")
    ran = run("docs")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: There are no tables to describe yet; run `headwater build` first.\n"
