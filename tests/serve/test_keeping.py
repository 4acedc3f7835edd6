"""An answer is made once for each publication, whoever asks, and told again only when it has changed."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from headwater.engine.engine import Engine
from headwater.serve import answers as answers_module
from headwater.serve import notices
from headwater.serve.answers import Answer, Answers
from headwater.serve.notices import Publications

Api = TestClient[Litestar]


def answer(text: str = "a") -> Answer:
    return Answer(text.encode(), "application/json", 1)


def test_fifty_ask_and_the_warehouse_is_asked_once() -> None:
    asked = []

    def make() -> Answer:
        asked.append(1)
        time.sleep(0.1)
        return answer()

    async def all_at_once() -> None:
        kept = Answers(ThreadPoolExecutor(4))
        leaver = asyncio.create_task(kept.get("q", 1, make))
        others = [asyncio.create_task(kept.get("q", 1, make)) for _ in range(49)]
        await asyncio.sleep(0.02)
        leaver.cancel()  # the first one to ask leaves
        assert {one.answer.body for one in await asyncio.gather(*others)} == {b"a"}
        assert len(asked) == 1
        await kept.get("q", 1, make)
        assert len(asked) == 1
        await kept.get("other", 1, make)
        assert len(asked) == 2

    asyncio.run(all_at_once())


def test_many_who_ask_never_wait_for_the_next_publication(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(answers_module, "monotonic", lambda: clock[0])
    made: list[int] = []

    def make() -> Answer:
        made.append(len(made))
        return answer(str(len(made)))

    async def over_time() -> None:
        kept = Answers(ThreadPoolExecutor(1))

        async def told(version: int, after: float) -> str:
            clock[0] += after
            found = (await kept.get("q", version, make)).answer.body.decode()
            while kept._under_way:
                await asyncio.sleep(0.001)
            return found

        assert await told(1, 0) == "1"
        assert await told(1, 3600) == "1"  # however old: nothing has changed
        assert await told(2, 0) == "2"  # nobody else asks: it is made now
        assert await told(3, 0.9) == "2"  # made just now
        assert len(made) == 2
        assert await told(3, 0.9) == "2"  # and the next one is made meanwhile
        assert len(made) == 3
        assert await told(3, 0) == "3"
        assert await told(4, 2.1) == "4"  # too old to tell

    asyncio.run(over_time())


def test_an_error_is_not_kept() -> None:
    outcomes = [ValueError("no"), None]

    def make() -> Answer:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        return answer()

    async def twice() -> None:
        kept = Answers(ThreadPoolExecutor(1))
        with pytest.raises(ValueError, match="no"):
            await kept.get("q", 1, make)
        assert (await kept.get("q", 1, make)).answer.body == b"a"

    asyncio.run(twice())


def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "MOST_BYTES", 1000)

    async def many() -> None:
        kept = Answers(ThreadPoolExecutor(1))
        for number in range(50):
            await kept.get(number, 1, lambda: answer("x" * 100))
            assert kept._bytes == sum(len(one.answer.body) for one in kept._kept.values()) <= 1000
        assert list(kept._kept) == list(range(40, 50))
        await kept.get(40, 1, lambda: answer("not asked"))
        await kept.get("new", 1, lambda: answer("y" * 100))
        assert 40 in kept._kept  # asked for last
        assert 41 not in kept._kept

    asyncio.run(many())


def test_an_unchanged_answer_is_not_told_again(api: Api, engine_of: Engine) -> None:
    first = api.get("/v1/channels")
    tag = first.headers["etag"]
    again = api.get("/v1/channels", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    engine_of.publications.publish(1)  # which changes nothing in it
    assert api.get("/v1/channels", headers={"if-none-match": tag}).status_code == 304
    assert api.get("/v1/channels", headers={"if-none-match": '"other"'}).status_code == 200
    assert api.get("/v1/channels?limit=2").headers["etag"] != tag
    assert api.get("/v1/channels?format=csv").headers["etag"] != tag
    assert first.headers["x-headwater-build"] == "1"
    assert first.headers["cache-control"] == "private, no-cache"
    assert "access-control-allow-origin" not in first.headers


def test_who_listens_is_told_of_each_publication(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "ALIVE_SECONDS", 0.05)

    async def listen() -> None:
        publications = Publications()
        follower = publications.follow()
        assert await anext(follower) == 0
        assert await anext(follower) is None  # still here
        publications.publish(7)
        assert (await anext(follower), publications.build_id) == (1, 7)
        for build in (8, 9, 10):  # while it does not look
            publications.publish(build)
        assert await anext(follower) == 4
        assert len(publications._listeners) == 1
        await follower.aclose()  # type: ignore[attr-defined]
        assert not publications._listeners

    asyncio.run(listen())
