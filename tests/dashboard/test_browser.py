"""What stands on the screen is what stands in the tables, and stays it, while events come in all the time."""

import csv
import io
import os
import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from dashboard.browser import Shown, event
from dashboard.conftest import Open

from headwater.dashboard import figures

PAGES = ("", "channels", "journeys", "live", "explain", "health")
LOOKS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]
SCROLLING = "document.querySelector('[data-testid=stMain]')"


def ready(page: Any) -> Any:
    page.wait_for_selector(".hw .card")
    return page


def kpis(page: Any) -> dict[str, str]:
    """At one moment: the next one may have others."""
    found: dict[str, str] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('.hw .kpi')].map(one =>
        [one.querySelector('.name').innerText.trim(), one.querySelector('.big').innerText.trim()]))"""
    )
    return found


def table(page: Any, number: int = 0) -> list[list[str]]:
    rows: list[list[str]] = page.evaluate(
        """number => [...document.querySelectorAll('.hw table')[number].querySelectorAll('tbody tr')].map(row =>
        [...row.querySelectorAll('td')].map(cell => cell.innerText.trim()))""",
        number,
    )
    return rows


def soon(page: Any, wanted: Callable[[], bool], seconds: float = 60.0) -> None:
    """The page goes on meanwhile, which it would not while we sleep."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, (page.url, kpis(page))
        page.wait_for_timeout(50)


def in_address(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def test_the_first_view_comes_soon_and_says_what_the_marts_say(shown: Shown, open_page: Open) -> None:
    took = []
    while not took or (took[-1] >= 3 and len(took) < 3):  # a busy machine may have been slow once
        started = time.monotonic()
        page = open_page(f"?{shown.past}")
        page.wait_for_selector(".hw .kpi")
        took.append(time.monotonic() - started)
    [sums] = shown.rows(
        f"""select sum(first_click_conversions) as first_count, sum(last_click_conversions) as last_count,
            sum(last_click_value) as revenue, sum(abs(conversion_shift)) / 2 as conversion_shift
        from (
            select channel, sum(first_click_conversions) as first_click_conversions,
                sum(last_click_conversions) as last_click_conversions, sum(last_click_value) as last_click_value,
                sum(last_click_value - first_click_value) as conversion_shift
            from mart_attribution_comparison
            where conversion_date between date '{shown.first}' and date '{shown.last}' group by channel
        ) as channels"""
    )
    ready(page)
    elsewhere = float(sums["conversion_shift"]) / float(sums["revenue"])
    assert {name: text for name, text in kpis(page).items() if name != "Conversion rate"} == {
        "First click conversions": figures.count(float(sums["first_count"])),
        "Last click conversions": figures.count(float(sums["last_count"])),
        "Revenue, by each of the 5 models": figures.sum_of_money(float(sums["revenue"]), shown.currency),
        "Last click against first click": figures.percent(elsewhere),
    }
    assert "values in" in page.locator(".hw .head").inner_text()
    assert "times in UTC" in page.locator(".hw .head").inner_text()
    moved = shown.ask(f"/overview?{shown.past}")["moved"]
    amount = figures.sum_of_money(abs(moved["now"] - moved["before"]), shown.currency)
    assert f"{moved['channel']} " in page.locator(".hw .said").inner_text()
    assert f"most: {amount} of revenue" in page.locator(".hw .said").inner_text()
    page.get_by_text("Conversions", exact=True).click()
    page.wait_for_selector(".hw .said >> text=/most: .* conversions? /")
    share = (os.cpu_count() or 1) / max(os.getloadavg()[0], 1)  # of the machine that one of many has
    assert min(took) < 3 / min(share, 1), (took, share)


def test_channels_say_what_the_marts_say_and_lead_down(shown: Shown, open_page: Open, tmp_path: Path) -> None:
    page = ready(open_page(f"channels?measure=conversions&{shown.past}"))
    within = f"conversion_date between date '{shown.first}' and date '{shown.last}'"
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

    dates = {"from": [shown.first], "to": [shown.last]}
    page.locator(".hw tr[data-pick]", has_text="Email").click()
    page.wait_for_selector(".hw .crumbs >> text=Channel: Email")
    assert page.locator(".hw .chip").count() == 0  # the way down says it
    soon(page, lambda: in_address(page) == {**dates, "measure": ["conversions"], "channel": ["Email"]})
    [email] = shown.rows(
        f"""select sum(credit) as conversions from int_attribution_credits
        where {within} and channel = 'Email' and attribution_model = 'last_click'"""
    )
    assert sum(float(row[3].replace(",", "")) for row in table(page)) == float(email["conversions"])
    page.locator(".hw tr[data-pick]").first.click()
    page.wait_for_selector(".hw .crumbs >> text=Source:")
    soon(page, lambda: list(in_address(page)) == ["from", "to", "channel", "source", "measure"])
    page.locator(".hw .crumbs >> text=All channels").click()
    page.wait_for_selector(".hw .crumbs", state="detached")
    soon(page, lambda: in_address(page) == {**dates, "measure": ["conversions"]})


def test_filters_stand_in_the_address_and_go_from_page_to_page(shown: Shown, open_page: Open) -> None:
    dates = {"from": [shown.first], "to": [shown.last]}
    page = ready(open_page(f"?{shown.past}"))
    before = kpis(page)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Channel", exact=True).click()
    page.get_by_role("option", name="Email").click()
    soon(page, lambda: in_address(page) == {**dates, "channel": ["Email"]})
    page.wait_for_selector(".hw .chip")
    page.keyboard.press("Escape")
    narrowed = shown.ask(f"/overview?channel=Email&{shown.past}")["models"]
    wanted = {figures.model(one["model"]): one for one in narrowed}
    soon(page, lambda: len(kpis(page)) == 9)  # they differ: each model's revenue has its place
    for name in ("First click", "Last click"):
        assert kpis(page)[f"{name} conversions"] == figures.count(wanted[name]["conversions"]["now"])
    for name, one in wanted.items():
        assert kpis(page)[f"{name} revenue"] == figures.sum_of_money(one["value"]["now"], shown.currency)

    # sent to somebody else, the address shows the same
    again = ready(open_page(f"?channel=Email&{shown.past}"))
    assert kpis(again) == kpis(page)
    assert again.locator(".hw .chip").inner_text().startswith("Channel: Email")

    page.get_by_role("link", name="Journeys").click()
    page.wait_for_selector("h1 >> text=Journeys")
    soon(page, lambda: in_address(page) == {**dates, "channel": ["Email"]})
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Channel", exact=True).wait_for()
    assert page.get_by_label("Models", exact=True).count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Overview").click()
    page.wait_for_selector(".hw .kpi")
    page.locator(".hw .chip").click()
    soon(page, lambda: kpis(page) == before)
    soon(page, lambda: in_address(page) == dates)  # the browser learns it after the numbers


def test_one_model_stands_beside_another(shown: Shown, open_page: Open) -> None:
    page = ready(open_page(f"?model=linear&{shown.past}"))
    assert "compared with last click" in page.locator(".hw .chips").inner_text()
    assert list(kpis(page))[:2] == ["Last click conversions", "Linear conversions"]
    assert page.locator(".hw .plot polyline").count() == 2
    page.goto(f"{shown.url}/?model=linear&model=time_decay&model=first_click&{shown.past}")
    ready(page)
    assert page.locator(".hw .plot polyline").count() == 3
    assert page.locator(".hw .pair").first.locator("i").count() == 3
    assert [chip.split(":")[0] for chip in page.locator(".hw .chip").all_inner_texts()] == ["Model"] * 3


def test_dates_are_picked_with_the_mouse(shown: Shown, open_page: Open) -> None:
    page = ready(open_page(f"?{shown.past}"))
    first = date.fromisoformat(shown.first)
    page.get_by_role("button", name="Choose date range").click()
    days = page.get_by_role("dialog").get_by_role("gridcell")
    days.get_by_text(re.compile(f"^{first.day}$")).first.click()
    page.wait_for_timeout(3500)  # it looks for news meanwhile, and does not close
    days.get_by_text(re.compile(f"^{first.day}$")).first.click()
    soon(page, lambda: in_address(page) == {"from": [shown.first], "to": [shown.first]})
    page.keyboard.press("Escape")
    page.wait_for_selector(f".hw .chips >> text={figures.span(first, first)}, 1 day")
    page.wait_for_selector(".hw .plot .pt")  # one day is no line


def test_every_page_fits(shown: Shown, open_page: Open, tmp_path: Path) -> None:
    """At both widths, by day and by night; pictures of all of them are in HEADWATER_SHOTS, where that is set."""
    folder = Path(os.environ.get("HEADWATER_SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page()
    for path in PAGES:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{shown.url}/{path}")
        ready(page)
        for width, scheme in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(200)
            at = f"{path or 'overview'}-{width}-{scheme}"
            height = page.evaluate(f"{SCROLLING}.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(height, 900)})
            page.screenshot(path=folder / f"{at}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, at
            paper = page.evaluate("getComputedStyle(document.querySelector('.hw .card')).backgroundColor")
            assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(26, 32, 38)"), at
            assert page.locator(".hw .lamp").first.is_visible()
            for hidden in ("stMainMenu", "stAppDeployButton", "stStatusWidget"):
                assert not page.locator(f"[data-testid={hidden}]").is_visible()
            assert page.evaluate(CUT) == [], at
    assert len(list(folder.glob("*.png"))) >= len(PAGES) * len(LOOKS)


# Where there is room, nothing is cut, and nothing has to be moved to be seen; on a phone a table that goes on beyond
# the edge keeps its first column in sight, and no name is cut anywhere.
CUT = """(() => {
  const isWide = innerWidth > 1000;
  const found = [];
  for (const one of document.querySelectorAll('.hw .wide')) {
    if (one.scrollWidth <= one.clientWidth + 1) continue;
    const first = one.querySelector('table:not(.lines) td:first-child:not(.grow)');
    if (isWide) found.push('wide: ' + one.innerText.slice(0, 40));
    else if (first && getComputedStyle(first).position !== 'sticky') found.push('not held: ' + one.innerText);
    else if (one.querySelector('.lines')) found.push('not whole: ' + one.innerText);
  }
  for (const one of document.querySelectorAll('.hw .cut, .hw .lines td > div, .hw .than, .hw .big'))
    if (one.scrollWidth > one.clientWidth + 1 && one.offsetParent) found.push('cut: ' + one.innerText);
  return found;
})()"""


def test_journeys_say_what_the_tables_say(shown: Shown, open_page: Open) -> None:
    page = ready(open_page(f"journeys?{shown.past}"))
    [whole] = shown.rows(
        f"""select count(distinct conversion_id) as conversions from int_user_journeys
        join int_conversions using (conversion_id)
        where int_conversions.conversion_date between date '{shown.first}' and date '{shown.last}'"""
    )
    bars = page.locator(".hw .hist").first.locator("span").all_inner_texts()
    assert sum(int(text.replace(",", "") or 0) for text in bars) == whole["conversions"]
    converted = page.locator(".hw .flow rect[data-tip^=Converted], .hw .flow rect[data-tip^=More]").all()
    tips = [rect.get_attribute("data-tip") for rect in converted]
    assert sum(int(re.findall(r"([\d,]+) conversions", tip)[0]) for tip in tips) == whole["conversions"]


def test_a_purchase_that_comes_in_is_seen_without_a_reload(shown: Shown, open_page: Open) -> None:
    # what an event says stays text
    evil = "<img src=x onerror=alert(1)>"
    overview, live = open_page(f"?source={quote(evil)}"), ready(open_page("live"))
    overview.wait_for_selector(".hw .empty >> text=Nothing in these days")
    assert overview.locator(".hw .kpi, .hw .plot").count() == 0
    height = live.locator(".hw .stack").first.bounding_box()["height"]
    visit = event("page_view", 1, source=evil, medium="email", campaign="=cmd|' /C calc'!A0")
    shown.send(visit)
    shown.send(event("purchase", 2, user_pseudo_id=visit["user_pseudo_id"], value="49.9", currency="USD"))
    both = "tables => [...tables].slice(0, 2).every(one => one.innerText.includes('$49.90'))"
    live.wait_for_function(f"({both})(document.querySelectorAll('.hw table'))", timeout=20_000)
    [row] = [row for row in table(live) if row[1] == "$49.90"]
    assert row[2:4] == ["Email", "Email"]
    assert re.fullmatch(r"\d+ \w+, \d\d:\d\d:\d\d", row[0])
    live.wait_for_selector(".hw .lamp.green", timeout=60_000)
    soon(overview, lambda: kpis(overview).get("Last click conversions") == "1")
    # nothing has jumped
    assert live.locator(".hw .stack").first.bounding_box()["height"] == pytest.approx(height, abs=60)

    live.locator(".hw tr[data-pick]", has_text="$49.90").click()
    live.wait_for_selector(".hw .road")
    soon(live, lambda: "browser" in live.url)
    assert evil in live.locator(".hw .road").inner_text()
    assert live.locator(".hw img").count() == 0
    assert "purchase of $49.90" in live.locator(".hw .card").first.inner_text()

    channels = ready(open_page(f"channels?channel=Email&source={quote(evil)}&medium=email"))
    with channels.expect_download() as waiting:
        channels.get_by_text("Download as CSV").click()
    [told] = csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(), newline=""))
    assert told["campaign"] == "'=cmd|' /C calc'!A0"


def test_looking_for_news_moves_nothing(shown: Shown, open_page: Open) -> None:
    """While each of these pages has news: what is scrolled, focused, pointed at, open or marked stays so."""
    explain = ready(open_page("explain"))
    explain.wait_for_selector(".hw .road")
    soon(explain, lambda: "id" in in_address(explain))
    explained, began = explain.locator(".hw .card h2").first.inner_text(), time.monotonic()

    page = ready(open_page())
    page.evaluate("document.querySelector('.hw .kpis').isTheSame = true")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Channel", exact=True).wait_for()
    page.evaluate(f"{SCROLLING}.scrollTop = 300")
    before = kpis(page)

    live = ready(open_page("live"))
    live.evaluate(f"{SCROLLING}.scrollTop = 250")
    seen = table(live, 1)

    phone = ready(open_page("channels", width=390))
    scrolled = """(() => {
      const wide = document.querySelector('.hw .wide');
      wide.scrollLeft = 70;
      return wide.scrollLeft;
    })()"""
    soon(phone, lambda: phone.evaluate(scrolled) == 70)  # it is as wide as it will be when its style is there
    phone.locator(".hw tr[data-pick]").nth(1).focus()
    phone.locator(".hw .track").first.hover()
    phone.wait_for_selector(".hw-tip")
    held = """(() => {
      const [wide, title] = ['.hw .wide', '.hw .card h2'].map(name => document.querySelector(name));
      if (!wide.isMarked) { wide.isMarked = true; getSelection().selectAllChildren(title); }
      const at = document.activeElement.getAttribute('data-pick');
      return [wide.scrollLeft, at, !!document.querySelector('.hw-tip'), getSelection().toString()];
    })()"""
    was, numbers = phone.evaluate(held), table(phone)
    assert was[0] == 70
    assert was[1].startswith("=")
    assert was[2:] == [True, "Revenue by channel, every model"]

    soon(live, lambda: not {tuple(row) for row in seen} & {tuple(row) for row in table(live, 1)})
    assert live.evaluate(f"{SCROLLING}.scrollTop") == 250
    soon(page, lambda: kpis(page) != before)
    assert page.evaluate("document.querySelector('.hw .kpis').isTheSame")
    assert page.get_by_label("Channel", exact=True).is_visible()
    assert page.evaluate(f"{SCROLLING}.scrollTop") == 300
    soon(phone, lambda: table(phone) != numbers)
    assert phone.evaluate(held) == was

    explain.wait_for_timeout(max(0, 11_000 - (time.monotonic() - began) * 1000))  # longer than it looks again
    assert explain.locator(".hw .card h2").first.inner_text() == explained


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
    page.wait_for_selector(".hw .empty >> text=No conversion is known as “no such order”")
    assert "select" not in page.locator(".hw .empty").inner_text()
    page.get_by_label("Recent conversions").click()
    page.get_by_role("option").first.wait_for()
    assert "no such order" not in page.get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Health").click()
    page.wait_for_selector("h1 >> text=Health")
    soon(page, lambda: in_address(page) == {})  # an id means nothing there


def test_the_engine_is_gone_and_comes_back(shown: Shown, open_page: Open) -> None:
    overview, health = ready(open_page(f"?{shown.past}")), ready(open_page("health"))
    live = ready(open_page("live"))
    known = kpis(overview)
    with shown.engine_gone():
        for page in (overview, health, live):
            page.wait_for_selector(".hw .banner >> text=does not answer", timeout=15_000)
            page.wait_for_selector(".hw .banner >> text=Here is what was last known")
            assert "Not running" in page.locator(".hw .head").inner_text()
            assert "last change" in page.locator(".hw .head").inner_text()
            assert page.locator(".hw .lamp.green").count() == 0
        assert kpis(overview) == known  # what was last known
        assert figures.DASH not in live.locator(".hw .facts").inner_text()
        fresh = open_page(f"journeys?campaign=never+asked&{shown.past}")
        fresh.wait_for_selector(
            ".hw .empty >> text=This view was not looked at before headwater stopped answering"
        )
        assert "last known" not in fresh.locator(".hw .banner").inner_text()
    for page in (overview, health, live, fresh):
        page.wait_for_selector(".hw .banner", state="detached", timeout=40_000)
        page.wait_for_selector(".hw .lamp.green", timeout=60_000)
    fresh.wait_for_selector(".hw .empty >> text=No conversions in these days")
    assert kpis(overview) == known
