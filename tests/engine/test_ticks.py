"""What streams in shows after a tick; a model that fails stops publication and nothing else."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.stream import Stream, event, poison, purchase
from litestar.testing import TestClient
from product import Product
from raw_events import contents

from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.engine.metrics import exposition
from headwater.engine.ticks import TESTS, TICK
from headwater.engine.vitals import LastTick
from headwater.errors import FailedTests
from headwater.transform.build import Builder
from headwater.warehouse import connect

MART = (
    "select source, cast(sum(conversion_count) as bigint) as n from mart_attribution "
    "where attribution_model = 'last_click' group by source order by source"
)
LOOKS = {"duckdb": 3, "postgres": 3, "bigquery": 1}  # at what stays as it is: where each takes long, one
BUILDS = "select build_id, is_full from headwater_builds order by build_id"


@pytest.fixture
def live(product: Product, stream: Stream) -> Engine:
    """An engine whose threads do not run: a test says what it does, and when. Its tests, once told, run at once."""
    often = product.settings.stream.model_copy(update={"test_minutes": 0.001})
    settings = product.settings.model_copy(update={"stream": often})
    return Engine(settings, product.warehouse, stream.journal)


def go(live: Engine) -> None:
    """What the engine does in one round."""
    while live._load_what_waits():
        pass
    live.ticks._not_before = 0.0  # the pause after a failure is over
    live.ticks.tick()


@pytest.mark.bigquery
def test_ticks(
    product: Product, stream: Stream, live: Engine, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story, because its first build takes seconds: each part goes on where the last one has ended."""
    stream.take([purchase(1)])
    go(live)
    assert product.rows(MART) == [{"source": "news", "n": 1}]
    assert product.rows(BUILDS) == [{"build_id": 1, "is_full": True}]

    # a second event shows after one tick, which is an incremental one, without dbt
    stream.take([purchase(2, source="google", medium="cpc")])
    go(live)
    assert product.rows(MART) == [{"source": "google", "n": 1}, {"source": "news", "n": 1}]
    assert product.rows(BUILDS)[1:] == [{"build_id": 2, "is_full": False}]
    assert live.vitals.last_tick
    assert (live.vitals.last_tick.full, live.vitals.last_tick.persons) == (False, 1)

    # nothing new is no build
    for _ in range(LOOKS[engine]):
        go(live)
    stream.take([purchase(2, source="google", medium="cpc")])
    go(live)
    assert len(product.rows(BUILDS)) == 2
    assert not live.ticks.is_due()

    # a model fails: the last tables stay, the sink goes on, the alert says which; then it recovers by itself
    before = contents(product.warehouse, ["mart_attribution", "int_conversions"])
    product.warehouse.execute("alter table ga4_events_raw rename column page_location to elsewhere")
    for number in (3, 4)[: LOOKS[engine]]:
        stream.take([purchase(number)])
        go(live)
        assert not live.ticks.is_due()  # it waits a little after each failure
        alert = live.vitals.alerts()[TICK]
        assert "could not be built, and the tables of the last good build are still in place" in alert.message
        assert live.ticks._asked
    assert (alert.attempts, live.status()["state"]) == (number - 2, "alert")
    assert product.rows("select count(*) as n from events_streaming") == [{"n": number}]
    assert contents(product.warehouse, ["mart_attribution", "int_conversions"]) == before
    assert live.status()["freshness_seconds"] > 0
    product.warehouse.execute("alter table ga4_events_raw rename column elsewhere to page_location")
    go(live)
    assert live.vitals.alerts() == {}
    assert product.rows(MART) == [{"source": "google", "n": 1}, {"source": "news", "n": number - 1}]
    assert live.status()["freshness_seconds"] == 0
    if engine == "bigquery":
        return  # a first build, two ticks and a failed one are a minute on the stand-in; the rest is of no one engine

    # a load that ends while a tick runs is not in it, and is in the next one
    build = live.ticks._builder.build

    def load_meanwhile(**how: bool) -> Any:
        report = build(**how)
        product.load([purchase(7)])
        live.ticks.ask()
        return report

    stream.take([purchase(5)])
    with monkeypatch.context() as patched:
        patched.setattr(live.ticks._builder, "build", load_meanwhile)
        go(live)
    assert live.ticks.is_due()
    live.ticks.tick()
    assert product.rows(MART) == [{"source": "google", "n": 1}, {"source": "news", "n": 5}]
    assert not live.ticks.is_due()

    if engine == "postgres":
        cut_connections(product)
        stream.take([purchase(8)])
        thread = threading.Thread(target=live.live)
        thread.start()
        try:
            until(lambda: product.rows(MART)[1]["n"] == 6 and not live.vitals.alerts())
        finally:
            live.stop.set()
            thread.join()

    # a wrong credit that was published is found by the tests, and so is its repair
    table = "int_attribution_credits"
    for change, alerts in (("credit = credit / 2", {TESTS}), ("credit = credit * 2", set())):
        product.warehouse.execute(f"update {table} set {change} where attribution_model = 'linear'")
        run_the_tests(live)
        assert live.vitals.alerts().keys() == alerts
        said = live.vitals.alerts()[TESTS].message if alerts else ""
        assert not alerts or (
            "credit" in said and said.endswith("This is so in the tables that are published.")
        )


def test_what_the_tests_of_a_build_say_is_told_and_outlives_a_restart(
    product: Product, stream: Stream, live: Engine
) -> None:
    """Not on BigQuery: three builds with some hundred tests take many minutes there, and ask nothing of it."""

    def tests(engine: Engine) -> dict[str, Any]:
        with TestClient(create_app(engine, "token"), base_url="http://127.0.0.1") as api:
            told: dict[str, Any] = api.get("/v1/health").json()["tests"]
        return told

    stream.take([purchase(1)])
    while live._load_what_waits():
        pass
    ran = live.build(full_refresh=False).tests
    said = tests(live)
    assert (said["count"], said["failed"], said["failures"]) == (ran, None, [])
    assert said["tested_at"] > "2026"

    stream.take([purchase(2, currency="USD")])
    while live._load_what_waits():
        pass
    with pytest.raises(FailedTests, match="more than one currency"):
        live.build(full_refresh=False)
    assert live.status()["state"] == "alert"
    said = tests(live)
    assert said["failed"].startswith("The conversions are in more than one currency")
    assert said["failures"] == [{"name": "one_currency", "message": said["failed"]}]
    run_the_tests(live)  # which say nothing of currencies
    assert live.vitals.alerts().keys() == {TESTS}

    restarted = Engine(live.settings, product.warehouse, stream.journal)
    assert restarted.vitals.alerts().keys() == {TESTS}
    product.warehouse.execute("update events_streaming set currency = 'EUR'")
    restarted.build(full_refresh=True)
    assert restarted.vitals.alerts() == {}
    assert tests(restarted)["failures"] == []


def cut_connections(product: Product) -> None:
    """All but one, which asks for it; the test's own is made anew."""
    other = product.warehouse.another()
    other.query(
        "select count(pg_terminate_backend(pid, 30000)) as n from pg_stat_activity "
        "where pid <> pg_backend_pid() and datname = current_database()"
    )
    other.close()
    product.warehouse = connect(product.settings.warehouse.url, product.home)


def run_the_tests(live: Engine) -> None:
    """Until they have run once more."""
    before, stop = live.vitals.tested, threading.Event()
    thread = threading.Thread(target=live.ticks.run_tests, args=(stop,))
    thread.start()
    until(lambda: live.vitals.tested != before)
    stop.set()
    thread.join()


def until(wanted: Callable[[], Any], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def small(tmp_path: Path, new_stream: Callable[[Path], Stream]) -> Iterator[tuple[Product, Stream, Engine]]:
    """For what no warehouse has a part in."""
    product = Product(tmp_path / "small", "duckdb:///warehouse.duckdb")
    stream = new_stream(product.home)
    yield product, stream, Engine(product.settings, product.warehouse, stream.journal)
    product.close()


def test_the_first_tests_run_soon_after_the_first_publication(
    small: tuple[Product, Stream, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, live = small
    runs: list[float] = []
    monkeypatch.setattr(Builder, "test_what_is_published", lambda _: runs.append(time.monotonic()))
    monkeypatch.setattr("headwater.engine.ticks.SETTLED_SECONDS", 0.2)
    assert live.settings.stream.test_minutes == 15
    stop = threading.Event()
    thread = threading.Thread(target=live.ticks.run_tests, args=(stop,))
    thread.start()
    try:
        time.sleep(0.5)
        assert not runs  # nothing is published
        published = time.monotonic()
        live.publications.publish(1)
        until(lambda: runs)
        assert runs[0] - published >= 0.2
        time.sleep(0.5)
        assert len(runs) == 1
    finally:
        stop.set()
        thread.join()


def test_a_fault_that_nobody_has_foreseen_ends_no_thread(
    small: tuple[Product, Stream, Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    product, stream, live = small
    monkeypatch.setattr("headwater.engine.sink.batch", lambda *_: [][0])
    monkeypatch.setattr(live.ticks._builder, "build", lambda **_: {}["no such key"])
    thread = threading.Thread(target=live.live)
    thread.start()
    try:
        live.ticks.ask()
        until(lambda: TICK in live.vitals.alerts())
        assert live.vitals.alerts()[TICK].message == "unforeseen KeyError: 'no such key'."
        stream.take([purchase(1)])
        until(lambda: "sink" in live.vitals.alerts())
        assert live.vitals.alerts()["sink"].message == "unforeseen IndexError: list index out of range."
        assert "Traceback" in caplog.text
        monkeypatch.undo()
        until(lambda: live.vitals.last_tick and not live.vitals.alerts())
    finally:
        live.stop.set()
        thread.join()
    assert product.rows(MART) == [{"source": "news", "n": 1}]
    assert product.rows("select * from dead_letters") == []


def test_poison_does_not_stop_the_engine(small: tuple[Product, Stream, Engine]) -> None:
    product, stream, live = small
    stream.keep([poison(1)])
    stream.take([event(2)])
    assert live._load_what_waits()
    assert product.rows("select event_id from events_streaming") == [{"event_id": "e2"}]


def test_what_waits_in_the_journal_is_not_seen_yet(
    small: tuple[Product, Stream, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first build takes long, and the first events come while it runs."""
    product, stream, live = small
    minute_ago = time.time_ns() // 1000 - 60_000_000
    begun, goes_on = threading.Event(), threading.Event()
    build = live.ticks._builder.build

    def slowly(**how: bool) -> Any:
        report = build(**how)
        begun.set()
        assert goes_on.wait(120)
        return report

    assert live.status()["state"] == "fresh"
    with monkeypatch.context() as patched:
        patched.setattr(live.ticks._builder, "build", slowly)
        first = threading.Thread(target=live.ticks.tick)
        first.start()
        assert begun.wait(120)
        stream.take([purchase(1)], received_at=minute_ago)
        status = live.status()
        assert (status["state"], status["pending"]) == ("behind", 1)
        assert status["freshness_seconds"] > 59
        assert told_freshness(status) > 59
        assert live._load_what_waits()
        assert live.status()["freshness_seconds"] > 59
        goes_on.set()
        first.join()
    # an engine that is killed here leaves it to the next one
    again = Engine(product.settings, product.warehouse, stream.journal)
    status = again.status()
    assert (status["state"], status["pending"]) == ("behind", 0)
    assert status["freshness_seconds"] > 59
    go(again)
    status = again.status()
    assert (status["state"], status["freshness_seconds"]) == ("fresh", 0)
    assert status["latency"]["received_to_visible"]["p50"] > 59


def told_freshness(status: dict[str, Any]) -> float:
    (figure,) = re.findall(r"(?m)^headwater_freshness_seconds (.+)$", exposition(status).decode())
    return float(figure)


def test_clocks_that_disagree(small: tuple[Product, Stream, Engine]) -> None:
    """The server's clock was set back an hour after these came in; their own clocks are two days off either way."""
    product, stream, live = small
    hour, now = 3_600_000_000, time.time_ns() // 1000
    ahead = now + hour
    sent = [ahead - 48 * hour, ahead + 300_000_000, now, ahead + 48 * hour]
    outcomes = stream.take(
        [event(number, event_timestamp=at) for number, at in enumerate(sent)], received_at=ahead
    )
    assert [outcome.value for outcome in outcomes] == ["accepted", "accepted", "accepted", "refused"]
    assert live._load_what_waits()
    # what the door has taken is not refused by a clock that is behind its own
    assert product.rows("select reason from dead_letters") == [{"reason": "timestamp_in_future"}]
    in_order = product.rows("select event_id from events_streaming order by event_timestamp")
    assert [row["event_id"] for row in in_order] == ["e0", "e2", "e1"]
    assert live.status()["freshness_seconds"] == 0
    visible_at, tick = time.time_ns() // 1000 - 2 * hour, LastTick(time.time(), 0.1, 1, False)
    live.vitals.ticked(live.vitals.appends(), visible_at, tick)
    status = live.status()
    figures = [value for stage in status["latency"].values() for value in stage.values() if value is not None]
    assert len(figures) >= 12
    assert min(figures) >= 0
    assert (status["state"], live.vitals.oldest_unseen()) == ("fresh", None)
