"""What stands on the screen is what stands in the tables, and stays it."""

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dashboard.browser import Shown, event
from dashboard.conftest import Open

from headwater.dashboard import figures

PAGES = ("", "channels", "journeys", "live", "explain", "health")
CURRENCY = "USD"  # of the generated events


def ready(page: Any) -> Any:
    page.wait_for_selector(".hw .card")
    return page


def kpis(page: Any) -> dict[str, str]:
    cards = page.locator(".hw .kpi").all()
    return {card.locator(".name").inner_text(): card.locator(".big").inner_text() for card in cards}


def table(page: Any, number: int = 0) -> list[list[str]]:
    rows = page.locator(".hw table").nth(number).locator("tbody tr").all()
    return [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in rows]


def soon(page: Any, wanted: Callable[[], bool], seconds: float = 15.0) -> None:
    """The page goes on meanwhile, which it would not while we sleep."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, (page.url, kpis(page))
        page.wait_for_timeout(50)


def in_address(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def dates(shown: Shown) -> tuple[str, str]:
    told = shown.ask("/overview")
    return told["from"], told["to"]


def test_the_first_view_comes_soon_and_says_what_the_marts_say(shown: Shown, open_page: Open) -> None:
    started = time.monotonic()
    page = open_page()
    page.wait_for_selector(".hw .kpi")
    took = time.monotonic() - started
    first, last = dates(shown)
    [sums] = shown.rows(
        f"""select sum(first_click_conversions) as first_count, sum(last_click_conversions) as last_count,
            sum(first_click_value) as first_value, sum(last_click_value) as last_value
        from mart_attribution_comparison where conversion_date between date '{first}' and date '{last}'"""
    )
    ready(page)
    assert {
        name: text for name, text in kpis(page).items() if "click " in name and "against" not in name
    } == {
        "First click conversions": figures.count(float(sums["first_count"])),
        "Last click conversions": figures.count(float(sums["last_count"])),
        "First click revenue": figures.sum_of_money(float(sums["first_value"]), CURRENCY),
        "Last click revenue": figures.sum_of_money(float(sums["last_value"]), CURRENCY),
    }
    assert "values in USD" in page.locator(".hw .head").inner_text()
    assert "times in UTC" in page.locator(".hw .head").inner_text()
    assert page.locator(".hw .said").inner_text() == shown.ask("/overview")["moved"]["sentence"]
    assert took < 3, took


def test_channels_say_what_the_marts_say_and_lead_down(shown: Shown, open_page: Open, tmp_path: Path) -> None:
    page = ready(open_page("channels?measure=conversions"))
    first, last = dates(shown)
    within = f"conversion_date between date '{first}' and date '{last}'"
    sums = shown.rows(
        f"""select channel, sum(first_click_conversions) as first_click, sum(last_click_conversions) as last_click
        from mart_attribution_comparison where {within} group by channel"""
    )
    wanted = {
        row["channel"]: [figures.count(float(row[name])) for name in ("first_click", "last_click")]
        for row in sums
    }
    seen = {row[0]: row[2:4] for row in table(page)}
    assert {name: cells for name, cells in seen.items() if cells != ["0", "0"]} == {
        name: cells for name, cells in wanted.items() if cells != ["0", "0"]
    }

    with page.expect_download() as waiting:
        page.get_by_text("Download as CSV").click()
    waiting.value.save_as(tmp_path / "channels.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "channels.csv").read_text())))
    assert {
        row["channel"]: float(row["last_click_conversions"]) for row in rows if row["channel"] in wanted
    } == {row["channel"]: float(row["last_click"]) for row in sums}

    page.locator(".hw tr[data-pick]", has_text="Email").click()
    page.wait_for_selector(".hw .crumbs >> text=Channel: Email")
    assert in_address(page) == {"measure": ["conversions"], "channel": ["Email"]}
    [email] = shown.rows(
        f"""select sum(credit) as conversions from int_attribution_credits
        where {within} and channel = 'Email' and attribution_model = 'last_click'"""
    )
    assert sum(float(row[3].replace(",", "")) for row in table(page)) == float(email["conversions"])
    page.locator(".hw tr[data-pick]").first.click()
    page.wait_for_selector(".hw .crumbs >> text=Source:")
    assert list(in_address(page)) == ["channel", "source", "measure"]
    page.locator(".hw .crumbs >> text=All channels").click()
    page.wait_for_selector(".hw .crumbs >> text=Click a channel")
    assert in_address(page) == {"measure": ["conversions"]}


def test_filters_stand_in_the_address_and_go_from_page_to_page(shown: Shown, open_page: Open) -> None:
    page = ready(open_page())
    before = kpis(page)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Channel", exact=True).click()
    page.get_by_role("option", name="Email").click()
    soon(page, lambda: in_address(page) == {"channel": ["Email"]})
    page.wait_for_selector(".hw .chip")
    page.keyboard.press("Escape")
    soon(page, lambda: kpis(page) != before)
    narrowed = shown.ask("/overview?channel=Email")["models"]
    wanted = {one["model"]: figures.count(one["conversions"]["now"]) for one in narrowed}
    assert kpis(page)["First click conversions"] == wanted["first_click"]
    assert kpis(page)["Last click conversions"] == wanted["last_click"]

    # sent to somebody else, the address shows the same
    again = ready(open_page("?channel=Email"))
    assert kpis(again) == kpis(page)
    assert again.locator(".hw .chip").inner_text().startswith("Channel: Email")

    page.get_by_role("link", name="Journeys").click()
    page.wait_for_selector("h1 >> text=Journeys")
    soon(page, lambda: in_address(page) == {"channel": ["Email"]})
    page.get_by_role("link", name="Overview").click()
    page.wait_for_selector(".hw .kpi")
    page.locator(".hw .chip").click()
    soon(page, lambda: kpis(page) == before)
    assert in_address(page) == {}


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_fits(shown: Shown, open_page: Open, width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    for path in PAGES:
        page.goto(f"{shown.url}/{path}")
        ready(page).wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        paper = page.evaluate("getComputedStyle(document.querySelector('.hw .card')).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(26, 32, 38)"), path
        for hidden in ("stMainMenu", "stAppDeployButton", "stStatusWidget"):
            assert not page.locator(f"[data-testid={hidden}]").is_visible()


def test_journeys_say_what_the_tables_say(shown: Shown, open_page: Open) -> None:
    page = ready(open_page("journeys"))
    first, last = dates(shown)
    [whole] = shown.rows(
        f"""select count(distinct conversion_id) as conversions from int_user_journeys
        join int_conversions using (conversion_id)
        where int_conversions.conversion_date between date '{first}' and date '{last}'"""
    )
    bars = page.locator(".hw .hist").first.locator("span").all_inner_texts()
    assert sum(int(text.replace(",", "") or 0) for text in bars) == whole["conversions"]
    converted = page.locator(".hw .flow rect[data-tip^=Converted], .hw .flow rect[data-tip^=More]").all()
    tips = [rect.get_attribute("data-tip") for rect in converted]
    assert sum(int(re.findall(r"([\d,]+) conversions", tip)[0]) for tip in tips) == whole["conversions"]


def test_a_purchase_that_comes_in_is_seen_without_a_reload(shown: Shown, open_page: Open) -> None:
    today = shown.ask("/meta")["today"]  # which has no events yet: the usual dates end the day before
    overview, live = ready(open_page(f"?from={dates(shown)[0]}&to={today}")), ready(open_page("live"))
    before = int(kpis(overview)["Last click conversions"].replace(",", ""))
    heights = [page.locator(".hw .stack").first.bounding_box()["height"] for page in (overview, live)]
    # what an event says stays text
    evil = "<img src=x onerror=alert(1)>"
    visit = event("page_view", 1, source=evil, medium="email", campaign="=cmd|' /C calc'!A0")
    shown.send(visit)
    shown.send(event("purchase", 2, user_pseudo_id=visit["user_pseudo_id"], value="49.9", currency="USD"))
    live.wait_for_selector(".hw td >> text=$49.90", timeout=15_000)
    [row] = [row for row in table(live) if row[2] == "$49.90"]
    assert row[3:5] == ["Email", "Email"]
    assert table(live, 1)[0][1] == "purchase"
    assert "Up to date" in live.locator(".hw .head").inner_text()
    wanted = figures.count(before + 1)
    soon(overview, lambda: kpis(overview)["Last click conversions"] == wanted)
    # nothing has jumped
    assert [
        page.locator(".hw .stack").first.bounding_box()["height"] for page in (overview, live)
    ] == pytest.approx(heights, abs=60)

    live.locator(".hw tr[data-pick]", has_text="$49.90").click()
    live.wait_for_selector(".hw .road")
    soon(live, lambda: "browser" in live.url)
    assert evil in live.locator(".hw .road").inner_text()
    assert live.locator(".hw img").count() == 0
    assert "purchase of $49.90" in live.locator(".hw .card").first.inner_text()

    channels = ready(open_page("channels?channel=Email"))
    with channels.expect_download() as waiting:
        channels.get_by_text("Download as CSV").click()
    assert evil in Path(waiting.value.path()).read_text()


def test_looking_for_news_moves_nothing(open_page: Open) -> None:
    page = ready(open_page())
    page.evaluate("document.querySelector('.hw .kpis').isTheSame = true")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Channel", exact=True).wait_for()
    scrolling = "document.querySelector('[data-testid=stMain]')"
    page.evaluate(f"{scrolling}.scrollTop = 300")
    page.wait_for_timeout(4000)  # longer than it waits to look again
    assert page.evaluate("document.querySelector('.hw .kpis').isTheSame")
    assert page.get_by_label("Channel", exact=True).is_visible()
    assert page.evaluate(f"{scrolling}.scrollTop") == 300


def test_explain_shows_the_credits_of_the_tables(shown: Shown, open_page: Open) -> None:
    [most] = shown.rows(
        """select conversion_id, count(*) as steps from int_user_journeys group by conversion_id
        order by steps desc, conversion_id limit 1"""
    )
    page = ready(open_page(f"explain?id={most['conversion_id']}"))
    page.wait_for_selector(".hw .road")
    credits = shown.rows(
        f"""select step_number, credit from int_attribution_credits
        where conversion_id = '{most["conversion_id"]}' and attribution_model = 'linear' order by step_number"""
    )
    shares = [row[4].split("\n")[0] for row in table(page)]
    assert shares == [figures.percent(float(row["credit"])) for row in credits]
    page.get_by_label("Or an id or order number").fill("no such order")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hw .empty")


def test_the_engine_is_gone_and_comes_back(shown: Shown, open_page: Open) -> None:
    overview, health = ready(open_page()), ready(open_page("health"))
    known = kpis(overview)
    with shown.engine_gone():
        for page in (overview, health):
            page.wait_for_selector(".hw .banner >> text=does not answer", timeout=15_000)
            assert "Not running" in page.locator(".hw .head").inner_text()
        assert kpis(overview) == known  # what was last known
        fresh = open_page("journeys")
        fresh.wait_for_selector("h1 >> text=Journeys")
    for page in (overview, health, fresh):
        page.wait_for_selector(".hw .lamp.green", timeout=40_000)
        page.wait_for_selector(".hw .banner", state="detached", timeout=15_000)
    assert kpis(overview) == known
