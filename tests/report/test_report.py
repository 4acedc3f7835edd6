"""The report in all its forms says what the marts say."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from dashboard.browser import ARGUMENTS, chromium
from product import Product

from headwater.cli import main
from headwater.errors import NothingFound, UsageError
from headwater.report import gather, page
from headwater.report.chart import bars, lines

TODAY = date(2026, 5, 20)
HOSTILE = '<script>alert("x")</script>'


def order(number: int, day: int, value: str, **said: str) -> dict[str, object]:
    return {
        "event_id": f"e{number}",
        "event_name": "purchase",
        "event_timestamp": f"2026-05-{day:02}T10:00:00Z",
        "user_pseudo_id": f"device {number}",
        "transaction_id": f"t{number}",
        "value": value,
        "currency": "EUR",
        "ga_session_id": 1,
        **said,
    }


@pytest.fixture
def told(new_product: Callable[..., Product]) -> Product:
    product = new_product()
    product.load(
        [
            order(1, 3, "10", source="news", medium="email", campaign="may"),
            order(2, 17, "30.5", source="news", medium="email", campaign="may"),
            order(3, 18, "20", source="google", medium="cpc", campaign=HOSTILE),
            order(4, 19, "5"),
            {
                "event_id": "v5",
                "event_name": "page_view",
                "event_timestamp": "2026-05-19T11:00:00Z",
                "user_pseudo_id": "device 5",
                "ga_session_id": 1,
                "source": "=cmd()",
                "medium": "referral",
            },
        ]
    )
    product.build(test=False)
    return product


def test_the_facts_are_those_of_the_marts(told: Product) -> None:
    facts = gather(told.warehouse, told.settings, 7, "channel", ("first_click", "last_click"), TODAY)
    said = facts.overview
    assert (said["from"], said["to"]) == (date(2026, 5, 13), date(2026, 5, 19))
    assert (said["previous_from"], said["previous_to"]) == (date(2026, 5, 6), date(2026, 5, 12))
    assert said["conversions"] == {"now": 3, "before": 0, "change": None}
    assert said["value"]["now"] == Decimal("55.5")
    assert said["sessions"]["now"] == 4
    mart = told.rows(
        "select attributed_channel as channel, sum(conversion_value) as value from mart_last_click_attribution "
        "where conversion_date between date '2026-05-13' and date '2026-05-19' group by 1"
    )
    rows = {row["channel"]: row for row in facts.rows.to_pylist()}
    assert {row["channel"]: row["value"] for row in mart} == {
        name: row["last_click_value"] for name, row in rows.items() if row["last_click_value"]
    }
    assert [row["value"] for row in facts.series if row["model"] == "last_click"] == [
        0,
        0,
        0,
        0,
        Decimal("30.5"),
        20,
        5,
    ]
    assert facts.unit == "EUR"
    assert said["moved"]["sentence"] == (
        "Email gained most: 30.50 EUR of value (there was none before) against the 7 days before, by last click; "
        "100% of that is the campaign may."
    )


def test_the_page_needs_nothing_else_and_runs_nothing(told: Product) -> None:
    html = page(gather(told.warehouse, told.settings, 14, "campaign", ("first_click", "last_click"), TODAY))
    assert not re.search(r"(?i)<script|<link|<img|https?://|url\(|@import|\son\w+=", html)
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in html
    assert "55.50 EUR" in html
    assert "(not set)" in html


def test_every_form_warns_of_two_currencies_and_tells_the_shift(
    new_product: Callable[..., Product], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product = new_product()
    visit = order(1, 17, "0", source="news", medium="email", user_pseudo_id="ann", transaction_id="")
    product.load(
        [
            visit | {"event_name": "page_view"},
            order(2, 18, "30.5", source="google", medium="cpc", user_pseudo_id="ann", ga_session_id=2),
            order(3, 19, "5", currency="USD"),
        ]
    )
    product.build(test=False)
    if product.settings.warehouse.url.startswith("duckdb"):
        product.warehouse.execute("checkpoint")
    product.close()
    place = tmp_path / "copy"
    shutil.copytree(product.home, place)
    warning = "Values add up EUR, USD as if they were one: set reporting_currency."

    def told(form: str) -> tuple[str, str]:
        assert main(["report", "--format", form, "--home", str(place)]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    table, _ = told("table")
    assert warning in table.splitlines()
    assert re.search(r"\| shift \| +value \|\n", table)
    assert re.search(r"\| Paid Search \|.*\| +0 \| +0\.00 \| +1 \| +30\.50 \| +\+1 \| +\+30\.50 \|", table)
    assert re.search(r"\| Email +\|.*\| +1 \| +30\.50 \| +0 \| +0\.00 \| +-1 \| +-30\.50 \|", table)
    text, beside = told("csv")
    assert beside == f"warning: {warning}\n"
    assert warning not in text
    found = json.loads(told("json")[0])
    assert (found["warning"], found["currencies"]) == (warning, ["EUR", "USD"])
    html, _ = told("html")
    assert warning in html
    assert '<td data-name="value shift">+30.50</td>' in html


@pytest.mark.skipif(not chromium(), reason="NO CHROMIUM: the report is not looked at in a browser")
@pytest.mark.parametrize("width", [390, 1000])
def test_the_page_is_as_wide_as_the_screen(told: Product, tmp_path: Path, width: int, engine: str) -> None:
    from playwright.sync_api import sync_playwright

    if engine != "duckdb":
        pytest.skip("the page is the same")
    file = tmp_path / "report.html"
    facts = gather(told.warehouse, told.settings, 14, "channel", ("first_click", "last_click"), TODAY)
    file.write_text(page(facts))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        shown = browser.new_page(viewport={"width": width, "height": 800})
        shown.goto(file.as_uri())
        overflowing = shown.evaluate(
            """() => [...document.querySelectorAll("main *")].filter(one => one.getBoundingClientRect().right
            > document.documentElement.clientWidth || one instanceof HTMLElement && one.clientWidth > 0
            && one.scrollWidth > one.clientWidth + 1).map(one => one.tagName + " " + one.className)"""
        )
        charts = shown.evaluate(
            """() => [...document.querySelectorAll("svg")].filter(one => one.clientWidth > 0).map(
            one => one.clientWidth / one.viewBox.baseVal.width)"""
        )
        browser.close()
    assert overflowing == []
    assert len(charts) == 2
    assert min(charts) > 0.9  # of the size that letters were drawn in


def test_lines_and_bars_of_odd_numbers() -> None:
    series = [
        {"date": date(2026, 5, day), "model": "m", "value": Decimal(value)}
        for day, value in ((1, -5), (2, 0))
    ]
    assert 'points="' in lines(series, "m", "EUR")
    assert "-5.00 EUR" in lines(series, "m", "EUR")
    assert "polyline" in lines([], "m", "")
    assert 'width="0.0"' in bars([{"channel": "Direct", "m_value": Decimal(-5)}], "channel", ["m"])


def test_without_models_that_are_computed_or_tables(
    told: Product, new_product: Callable[..., Product]
) -> None:
    with pytest.raises(UsageError, match="did you mean 'linear'"):
        gather(told.warehouse, told.settings, 7, "channel", ("liner",), TODAY)
    empty = new_product()
    with pytest.raises(NothingFound, match="`headwater load PATH`"):
        gather(empty.warehouse, empty.settings, 7, "channel", ("linear",), TODAY)


def test_every_form(told: Product, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if told.settings.warehouse.url.startswith("duckdb"):
        told.warehouse.execute("checkpoint")
    told.close()
    place = tmp_path / "copy"  # dbt, in this process, goes on holding a DuckDB file
    shutil.copytree(told.home, place)
    home = ["--home", str(place)]
    assert main(["report", "--days", "7", *home]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "2026-05-13 to 2026-05-19 (UTC, values in EUR), against 2026-05-06 to 2026-05-12\nEmail gained most"
    )
    assert re.search(r"\| conversions +\| +3 \| +- \|", said)
    assert re.search(r"\| Email +\| +1 \| +1 \| 30\.50 \| +1 \| 30\.50 \|", said)

    assert main(["report", "--by", "source", "--model", "linear", "--format", "csv", *home]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == {
        "source": "news", "sessions": "1", "linear_conversions": "1", "linear_value": "30.5",
        "conversion_shift": "", "value_shift": "",
    }  # fmt: skip
    assert "'=cmd()" in [row["source"] for row in rows]

    assert main(["report", "--format", "json", *home]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["overview"]["value"]["now"], len(found["rows"]), len(found["series"])) == (55.5, 4, 28)

    for form in ("html", "table"):
        out = tmp_path / f"report.{form}"
        assert main(["report", "--format", form, "--out", str(out), *home]) == 0
        assert capsys.readouterr().err == f"Wrote the report to {out}.\n"
        assert "Email" in out.read_text()

    assert main(["report", "--days", "0", *home]) == 2
    assert main(["report", "--by", "colour", *home]) == 2
