"""Pages without a browser: when nobody answers, and before there is any data."""

from importlib.resources import files

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


def said(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(source, "_api", api)
    page = testing.AppTest.from_file(SCRIPT, default_timeout=20).run()
    assert not page.exception
    return "".join(str(element.proto) for element in page.main)


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
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=FRESH if request.url.path.endswith("freshness") else META)

    told = said(Api("http://127.0.0.1:1", transport=httpx.MockTransport(answer)), monkeypatch)
    assert "No data yet" in told
    assert "headwater load PATH" in told
    assert "headwater stream" in told
    assert "values in EUR" in told
    assert "times in Europe/Berlin" in told
