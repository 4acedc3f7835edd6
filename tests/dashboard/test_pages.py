"""Pages without a browser: when nobody answers, before there is any data, and what no small history shows."""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import httpx
import pytest

from headwater.dashboard import source
from headwater.dashboard.client import Api

testing = pytest.importorskip("streamlit.testing.v1")

SCRIPT = str(files("headwater.dashboard.entry") / "run.py")
META = {
    "models": ["first_click", "last_click"],
    "timezone": "Europe/Berlin",
    "reporting_currency": "EUR",
    "currencies": ["EUR"],
    "first_date": None,
    "last_date": None,
    "today": "2026-05-20",
}
FRESH = {"state": "fresh", "published_at": None, "latency": {}, "freshness_seconds": 0, "alerts": []}
BOOKS = {"accepted": 3, "loaded": 0, "duplicates": 0, "dead_letters": 3, "pending": 0, "lost": 0}
HEALTH = {
    "books": BOOKS,
    "stages": {},
    "alerts": [],
    "tests": {"tested_at": None, "failed": None},
    "dead_letters": [{"reason": "no_time", "dead_letters": 3, "newest_at": "2026-05-20T10:00:00Z"}],
    "builds": [],
    "quality": [],
}
DATED = META | {"first_date": "2026-05-01", "last_date": "2026-05-19"}
Answers = dict[str, Callable[[httpx.Request], Any]]


def text_of(page: Any) -> str:
    assert not page.exception
    return "".join(str(element.proto) for element in page.main)


def said(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(source, "_api", api)
    return text_of(testing.AppTest.from_file(SCRIPT, default_timeout=90).run())


def page_of(name: str, answers: Answers, monkeypatch: pytest.MonkeyPatch, **address: str) -> Any:
    """One page alone, of an API that has these answers and no others."""

    def answer(request: httpx.Request) -> httpx.Response:
        told = answers[request.url.path.removeprefix("/v1")](request)
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    usual: Answers = {"/freshness": lambda _: FRESH, "/meta": lambda _: DATED}
    answers = usual | answers
    monkeypatch.setattr(source, "_api", Api("http://127.0.0.1:1", transport=httpx.MockTransport(answer)))
    script = f"from headwater.dashboard.pages import {name}\n{name}.page()"
    page = testing.AppTest.from_string(script, default_timeout=90)
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    told = said(Api("http://127.0.0.1:1", transport=httpx.MockTransport(refuse)), monkeypatch)
    assert "headwater is not running" in told
    assert "headwater up" in told


def test_the_tables_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("freshness"):
            return httpx.Response(200, json=FRESH | {"state": "alert"})
        away = {"error": {"type": "WarehouseUnavailable", "message": "The warehouse does not <b>answer</b>."}}
        return httpx.Response(503, json=away)

    told = said(Api("http://127.0.0.1:1", transport=httpx.MockTransport(answer)), monkeypatch)
    assert "The tables cannot be read right now" in told
    assert "does not &lt;b&gt;answer" in told
    assert "Needs a look" in told


def test_there_is_no_data_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    books = HEALTH | {"books": BOOKS | {"dead_letters": 0}, "dead_letters": []}
    answers = {"freshness": FRESH, "meta": META, "health": books}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answers[request.url.path.split("/")[-1]])

    told = said(Api("http://127.0.0.1:1", transport=httpx.MockTransport(answer)), monkeypatch)
    assert "No data yet" in told
    assert "headwater load PATH" in told
    assert "headwater stream" in told
    assert "refused" not in told
    assert "values in EUR" in told
    assert "times in Europe/Berlin" in told


def test_all_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is another thing than that nothing came: Health says why."""
    empty: Answers = {"/meta": lambda _: META, "/health": lambda _: HEALTH}
    told = text_of(page_of("live", empty, monkeypatch))
    assert "No data yet" in told
    assert "3 events were refused" in told
    told = text_of(page_of("health", empty, monkeypatch))
    assert "No data yet" not in told
    assert "no time" in told
    assert "They balance" in told


def conversion(number: int) -> dict[str, Any]:
    return {
        "conversion_id": f"order {number}",
        "conversion_at": f"2026-05-19T10:00:{number:02}Z",
        "conversion_event": "purchase",
        "value": 5,
        "currency": "EUR",
        "transaction_id": f"T{number}",
        "steps": 3,
    }


def explanation(request: httpx.Request) -> dict[str, Any]:
    name = request.url.path.split("/")[-1]
    return {
        "conversion": conversion(1) | {"conversion_id": name, "conversion_value": 5},
        "worth": {"refunds": [], "rate": None, "sent_value": 5, "sent_currency": "EUR", "repeats": 0},
        "devices": ["one"],
        "lookback_from": "2026-05-05T10:00:00Z",
        "touches": [],
        "later_touches": 0,
        "settings": [],
        "steps": [],
        "credits": [],
    }


def test_explain_stays_with_the_conversion_that_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = [1]
    answers: Answers = {
        "/conversions": lambda _: {"data": [conversion(number) for number in range(newest[0], 0, -1)]},
        **{f"/conversions/order {number}": explanation for number in (1, 2)},
    }
    page = page_of("explain", answers, monkeypatch)
    assert page.query_params["id"] == "order 1"
    newest[0] = 2
    page.run()
    assert page.query_params["id"] == "order 1"
    assert "T1" in page.selectbox[0].format_func("order 1")
    assert page.selectbox[0].value == "order 1"


def test_an_unknown_conversion_is_no_recent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"error": {"type": "NothingFound", "message": "select conversion_id from int_conversions"}}
    answers: Answers = {
        "/conversions": lambda _: {"data": [conversion(1)]},
        "/conversions/nonsense": lambda _: httpx.Response(404, json=unknown),
    }
    page = page_of("explain", answers, monkeypatch, id="nonsense")
    assert "No conversion is known as" in text_of(page)
    assert "int_conversions" not in text_of(page)
    assert page.selectbox[0].value is None
    assert [option for option in page.selectbox[0].options if "nonsense" in option] == []


def campaign(number: int) -> dict[str, Any]:
    """The last one has the largest shift."""
    row: dict[str, Any] = {"campaign": f"c{number}", "sessions": 1}
    for model in META["models"]:  # type: ignore[attr-defined]
        row |= {f"{model}_conversions": 1.0, f"{model}_value": 10.0}
    return row | ({"first_click_value": 900.0} if number == 1200 else {})


def test_rows_beyond_the_first_page_are_counted_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def campaigns(request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("cursor", "0"))
        rows = [campaign(number) for number in range(at + 1, at + 1001) if number <= 1200]
        headers = {"X-Next-Cursor": "1000"} if not at else {}
        return httpx.Response(200, json={"data": rows}, headers=headers)

    values = {
        f"/values/{name}": lambda _: {"data": []} for name in ("channel", "source", "medium", "campaign")
    }
    answers: Answers = {"/campaigns": campaigns, "/values/conversion_event": lambda _: {"data": []}, **values}
    page = page_of("channels", answers, monkeypatch, channel="a", source="b", medium="c")
    told = text_of(page)
    assert "The first 50 of 1,200" in told
    shifts = told[told.index("see differently") :]
    assert re.findall(r"c\d+", shifts)[0] == "c1200"


def test_builds_of_traffic_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(number: int, *, is_full: bool) -> dict[str, Any]:
        at = f"2026-05-20T10:00:{number:02}Z"
        times = {"started_at": at, "finished_at": at, "seconds": 0.5}
        return {"build_id": number, "is_full": is_full, "persons": 7000 + number, **times}

    ticks = [build(number, is_full=False) for number in range(30, 10, -1)]
    by_itself = HEALTH | {"builds": [*ticks, build(1, is_full=True)]}
    told = text_of(page_of("health", {"/health": lambda _: by_itself}, monkeypatch))
    assert "20 times with what was new since 20 May, 12:00:11, usually in 500 ms" in told
    assert "20 May, 12:00:30" in told
    assert "7,001" in told
    assert "7,030" not in told

    summed = {"count": 200, "since": "2026-05-20T09:00:00Z", "median_seconds": 0.25}
    by_the_api = HEALTH | {"builds": ticks, "full_builds": [build(2, is_full=True)], "ticks": summed}
    told = text_of(page_of("health", {"/health": lambda _: by_the_api}, monkeypatch))
    assert "200 times with what was new since 20 May, 11:00:00, usually in 250 ms" in told
    assert "7,002" in told
