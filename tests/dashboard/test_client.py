"""What has not changed is not sent again, and an outage leaves the last answers."""

from collections.abc import Callable

import httpx
import pytest

from headwater.dashboard import client
from headwater.dashboard.client import Api
from headwater.errors import EngineUnavailable, NothingFound, QueryError

Handler = Callable[[httpx.Request], httpx.Response]


def api(handler: Handler, token: str | None = None) -> Api:
    return Api("http://127.0.0.1:1/", token, httpx.MockTransport(handler))


class Told:
    """An API with one answer, which keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.etag, self.content = '"1"', {"data": [1]}
        self.is_down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.is_down:
            raise httpx.ConnectError("refused")
        if request.headers.get("If-None-Match") == self.etag:
            return httpx.Response(304)
        return httpx.Response(200, json=self.content, headers={"ETag": self.etag})


def test_an_unchanged_answer_costs_no_body() -> None:
    told = Told()
    asked = api(told)
    first = asked.get("/channels", [("channel", "A B"), ("channel", "")])
    again = asked.get("/channels", [("channel", "A B"), ("channel", "")])
    assert first is again
    assert [request.headers.get("If-None-Match") for request in told.requests] == [None, '"1"']
    assert str(told.requests[0].url) == "http://127.0.0.1:1/v1/channels?channel=A+B&channel="
    told.etag, told.content = '"2"', {"data": [2]}
    assert asked.get("/channels", [("channel", "A B"), ("channel", "")]) == {"data": [2]}


def test_each_question_has_an_answer_of_its_own() -> None:
    told = Told()
    asked = api(told)
    asked.get("/channels", [("from", "2026-05-01")])
    asked.get("/channels", [("from", "2026-05-02")])
    assert [request.headers.get("If-None-Match") for request in told.requests] == [None, None]


def test_an_outage_leaves_what_was_last_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    asked = api(told)
    known = asked.get("/overview")
    told.is_down = True
    with pytest.raises(EngineUnavailable, match="does not answer at http"):
        asked.get("/freshness", only_new=True)
    count = len(told.requests)
    assert asked.get("/overview") is known
    assert len(told.requests) == count  # it has just been seen that nobody answers
    with pytest.raises(EngineUnavailable):
        asked.get("/never/asked")
    told.is_down = False
    monkeypatch.setattr(client, "QUIET_SECONDS", 0.0)
    told.etag, told.content = '"2"', {"data": [2]}
    asked.get("/freshness", only_new=True)
    asked._quiet_until = 0.0
    assert asked.get("/overview") == {"data": [2]}


def test_the_last_answer_is_known_without_asking() -> None:
    told = Told()
    asked = api(told)
    assert asked.last_known("/freshness") is None
    fresh = asked.get("/freshness", only_new=True)
    told.is_down = True
    assert asked.last_known("/freshness") is fresh


def test_all_rows_are_those_of_all_pages() -> None:
    """Also where the first page is as it was and there is more after it now."""
    pages = [[1, 2], [3]]
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        seen.append(cursor)
        at = int(cursor or 0)
        headers = {"ETag": f'"{pages[at]}"'} | ({"X-Next-Cursor": str(at + 1)} if at + 1 < len(pages) else {})
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, json={"data": pages[at]}, headers=headers)

    asked = api(answer)
    assert asked.all_rows("/campaigns", [("by", "campaign")]) == [1, 2, 3]
    assert seen == [None, "1"]
    pages.append([4])
    assert asked.all_rows("/campaigns", [("by", "campaign")]) == [1, 2, 3, 4]
    assert asked.rows("/campaigns", [("by", "campaign"), ("limit", "20000")]) == [
        1,
        2,
    ]  # what is kept is whole


def test_the_kept_answers_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_KEPT", 2)
    told = Told()
    asked = api(told)
    for name in ("a", "b", "c", "a"):
        asked.get(f"/{name}")
    assert [request.headers.get("If-None-Match") for request in told.requests] == [None] * 4


def test_while_the_tables_are_away_the_last_answers_stay() -> None:
    told = Told()
    asked = api(told)
    known = asked.get("/overview")
    away = {"error": {"type": "WarehouseUnavailable", "message": "The warehouse does not answer."}}
    asked._http = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(lambda _: httpx.Response(503, json=away))
    )
    assert asked.get("/overview") is known
    with pytest.raises(EngineUnavailable, match="The warehouse does not answer"):
        asked.get("/channels")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, QueryError), (404, NothingFound), (503, EngineUnavailable)]
)
def test_a_refusal_is_told_in_its_own_words(status: int, kind: type[Exception]) -> None:
    said = {"error": {"type": "QueryError", "message": "from is after to: swap them."}}
    with pytest.raises(kind, match="swap them"):
        api(lambda _: httpx.Response(status, json=said)).get("/overview")


def test_whoever_answers_something_else_is_not_headwater() -> None:
    with pytest.raises(EngineUnavailable, match="is not headwater"):
        api(lambda _: httpx.Response(200, text="<html>")).get("/meta")
    with pytest.raises(EngineUnavailable, match="answers 502"):
        api(lambda _: httpx.Response(502, text="<html>")).get("/meta")


def test_the_key_goes_with_each_question() -> None:
    told = Told()
    api(told, "secret").get("/meta")
    assert told.requests[0].headers["Authorization"] == "Bearer secret"


def test_an_id_is_part_of_the_path() -> None:
    told = Told()
    api(told).conversion("shop/a b?#")
    assert told.requests[0].url.raw_path == b"/v1/conversions/shop/a%20b%3F%23"
