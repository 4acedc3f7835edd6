"""A broker as a journal: what is acknowledged is read, in order within a part, until the warehouse has it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine.process import until
from engine.stream import arrivals, event, poison, refusal
from fan_in.conftest import Broker, kind
from product import Product, settings_of
from raw_events import contents

from headwater.engine.books import Books, books, entry
from headwater.engine.sink import Sink
from headwater.errors import JournalError, JournalUnavailable, SettingsError, WarehouseError
from headwater.fan_in import Intake, Keeper, open_intake, open_keeper
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.writer import Writer
from headwater.settings import Settings
from headwater.warehouse.protocol import Warehouse


@pytest.fixture
def settings(broker: Broker, tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "home", "duckdb:///warehouse.duckdb", {"collect.journal_url": broker.url})


@pytest.fixture
def keeper(settings: Settings) -> Iterator[Keeper]:
    one = open_keeper(settings, lambda _, __: False)
    yield one
    one.close(5)


@pytest.fixture
def intake(settings: Settings) -> Iterator[Intake]:
    with closing(open_intake(settings)) as one:
        yield one


def keep(keeper: Keeper, taken: list[Arrival]) -> list[Outcome]:
    return keeper.submit(taken).result(90)


def load(sink: Sink, rows: int, seconds: float = 90) -> int:
    """So many rows, or more where some come again."""
    taken = 0
    end = time.monotonic() + seconds
    while taken < rows:
        assert time.monotonic() < end, f"{taken} of {rows} rows have come"
        taken += sum(len(loaded.rows) for loaded in sink.steps())
        time.sleep(0.02)
    return taken


@pytest.mark.bigquery
def test_rows_are_what_the_door_kept_and_the_books_balance(
    broker: Broker, keeper: Keeper, intake: Intake, new_product: Callable[..., Product]
) -> None:
    product = new_product()
    some = arrivals([event(number) for number in range(500)])
    assert keep(keeper, some) == [Outcome.ACCEPTED] * 500
    assert keep(keeper, [refusal(b"\xff no json"), *some[:3]]) == [Outcome.REFUSED, *[Outcome.ACCEPTED] * 3]
    conflict = arrivals([event(7, event_name="another")])
    keep(keeper, [*conflict, poison(1)])
    assert keep(keeper, []) == []
    with closing(Sink(intake, product.warehouse)) as sink:
        load(sink, 506)
        assert not list(sink.steps())
    kept = contents(product.warehouse, ["events_streaming"])["events_streaming"]
    assert len(kept) == 500
    reasons = {row["reason"]: row for row in product.rows("select * from dead_letters")}
    assert reasons.keys() == {"malformed_json", "id_conflict", "poison"}
    assert reasons["malformed_json"]["original"].startswith("base64:")
    known = broker.kind == "kafka"
    balanced = books(entry(product.warehouse, intake), intake)
    assert balanced == Books(506, 500, 3, 3, 0 if known else None, 0)
    keep(keeper, arrivals([event(1000)]))
    balanced = books(entry(product.warehouse, intake), intake)
    assert balanced == (Books(507, 500, 3, 3, 1, 0) if known else Books(506, 500, 3, 3, None, 0))
    assert len(product.rows("select * from headwater_positions")) == (4 if known else 1)


def test_what_a_failed_append_had_read_is_read_again(
    keeper: Keeper, settings: Settings, new_product: Callable[..., Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    product = new_product()
    keep(keeper, arrivals([event(number) for number in range(100)]))
    with closing(open_intake(settings)) as intake, closing(Sink(intake, product.warehouse)) as sink:
        append = type(product.warehouse).append
        failures = iter([True] * 5)

        def failing(self: Warehouse, *words: Any, **named: Any) -> Any:
            if next(failures, False):
                raise JournalUnavailable("not now")
            return append(self, *words, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(type(product.warehouse), "append", failing)
        for _ in range(5):
            with pytest.raises(JournalUnavailable, match="not now"):
                until(lambda: list(sink.steps()), 90)
        load(sink, 100)
        keep(keeper, arrivals([event(number) for number in range(100, 150)]))
        load(sink, 50)
    assert entry(product.warehouse, intake).loaded == 150
    assert product.rows("select count(distinct event_id) as n from events_streaming") == [{"n": 150}]


@pytest.mark.bigquery
def test_an_engine_that_dies_before_it_could_tell_the_broker(
    broker: Broker,
    keeper: Keeper,
    settings: Settings,
    new_product: Callable[..., Product],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The warehouse has the rows and the broker does not know: Kafka is read behind them, Pub/Sub repeats them."""
    product = new_product()
    keep(keeper, [*arrivals([event(number) for number in range(50)]), refusal(b"no")])
    intake = open_intake(settings)
    with closing(Sink(intake, product.warehouse)) as sink:
        for part in intake.parts():
            monkeypatch.setattr(part, "note_loaded", lambda _: None)
        load(sink, 51)
    intake.close()
    before = product.rows("select event_id from events_streaming order by event_id")
    with closing(open_intake(settings)) as again, closing(Sink(again, product.warehouse)) as sink:
        if broker.kind == "pubsub":
            began = time.monotonic()
            load(sink, 51, 120)
            print(f"given back and delivered again after {time.monotonic() - began:.1f} s")
            assert time.monotonic() - began < 8  # a lease that nobody gave back lasts for ten
        else:
            assert not list(sink.steps())
            assert entry(product.warehouse, again).position == 51
            keep(keeper, arrivals([event(77)]))
            assert load(sink, 1) == 1
            assert entry(product.warehouse, again).duplicates == 0
        balanced = books(entry(product.warehouse, again), again)
    assert balanced.lost == 0
    stored = product.rows("select event_id from events_streaming order by event_id")
    assert [row for row in stored if row["event_id"] != "e77"] == before
    assert len(before) == 50
    assert product.rows("select count(*) as n from dead_letters") == [{"n": 1}]


def test_what_is_too_large_for_the_broker_is_refused_alone(broker: Broker, keeper: Keeper) -> None:
    size = 2_000_000 if broker.kind == "kafka" else 11_000_000
    large, small = arrivals([event(1, params={"text": "x" * size}), event(2)])
    assert keep(keeper, [large, small]) == [Outcome.TOO_LARGE, Outcome.ACCEPTED]


def test_a_message_that_is_no_event_is_a_dead_letter(
    broker: Broker, keeper: Keeper, intake: Intake, new_product: Callable[..., Product]
) -> None:
    product = new_product()
    done: list[Exception | None] = []
    keeper._publish(None, b"from somebody else", done.append)  # type: ignore[attr-defined]
    keep(keeper, arrivals([event(1)]))
    with closing(Sink(intake, product.warehouse)) as sink:
        load(sink, 2)
    (letter,) = product.rows("select reason, original from dead_letters")
    assert letter == {"reason": "foreign_message", "original": "from somebody else"}
    assert len(product.rows("select * from events_streaming")) == 1


def test_what_the_local_journal_still_held_is_loaded_first(
    settings: Settings, new_product: Callable[..., Product]
) -> None:
    from headwater.engine.engine import load_what_is_left

    product = new_product()
    writer = Writer(settings.home / "journal.sqlite", 2**30, lambda _, __: False)
    writer.submit(arrivals([event(1), event(2)])).result(20)
    writer.close()
    assert load_what_is_left(settings, product.warehouse) == 2
    assert load_what_is_left(settings, product.warehouse) == 0
    assert len(product.rows("select * from events_streaming")) == 2


def test_rebuild(
    broker: Broker, settings: Settings, keeper: Keeper, capfd: pytest.CaptureFixture[str]
) -> None:
    from headwater.engine.rebuild import rebuild

    keep(keeper, [*arrivals([event(number) for number in range(30)]), refusal(b"no")])
    if broker.kind == "pubsub":
        with pytest.raises(
            WarehouseError, match=r"Pub/Sub keeps nothing that it has delivered.*Nothing was touched"
        ):
            rebuild(settings, print)
        return
    done = rebuild(settings, print)
    assert (done.streamed, done.lost, done.persons) == (30, 0, 30)


on_kafka = pytest.mark.parametrize("broker", [kind("kafka")], indirect=True)


class Cut:
    """A consumer whose topic has lost its first messages to retention."""

    def __init__(self, consumer: Any, low: int) -> None:
        self._consumer, self._low = consumer, low

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def get_watermark_offsets(self, *words: Any, **named: Any) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(*words, **named)
        return min(max(low, self._low), high), high


@on_kafka
def test_what_retention_took_is_counted_as_lost(
    broker: Broker, keeper: Keeper, intake: Any, new_product: Callable[..., Product]
) -> None:
    product = new_product()
    keep(keeper, arrivals([event(number) for number in range(400)]))
    intake._consumer = Cut(intake._consumer, 5)
    with closing(Sink(intake, product.warehouse)) as sink:
        load(sink, 380)
    assert books(entry(product.warehouse, intake), intake) == Books(400, 380, 0, 0, 0, 20)


@on_kafka
def test_a_topic_that_was_made_anew_is_not_read_as_the_old_one(
    broker: Broker, keeper: Keeper, intake: Intake, new_product: Callable[..., Product]
) -> None:
    product = new_product()
    keep(keeper, arrivals([event(number) for number in range(8)]))
    part = intake.parts()[0].journal_id
    product.warehouse.execute(
        f"insert into headwater_positions values ('{part}', 1000, 1000, 0, 0, timestamp '2026-01-01 00:00:00')"
    )
    with (
        closing(Sink(intake, product.warehouse)) as sink,
        pytest.raises(JournalUnavailable, match="made anew"),
    ):
        list(sink.steps())


@on_kafka
def test_a_producer_that_has_lost_its_order_is_replaced(broker: Broker, keeper: Any) -> None:

    class Fatal:
        def str(self) -> str:
            return "out of order"

        def fatal(self) -> bool:
            return True

    first = keeper._producer
    keeper._hear(Fatal())
    assert keeper._producer is not first
    assert keep(keeper, arrivals([event(1)])) == [Outcome.ACCEPTED]


@pytest.mark.parametrize(
    ("url", "missing", "said"),
    [
        ("kafka://127.0.0.1:1/events", "confluent_kafka", r"needs confluent_kafka: .*headwater\[kafka\]'"),
        ("pubsub://a-project/events", "google.cloud.pubsub_v1", r"needs google.*headwater\[pubsub\]'"),
    ],
)
def test_a_missing_client_is_one_sentence(
    url: str, missing: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in list(sys.modules):
        if name.startswith((missing, "headwater.fan_in.kafka", "headwater.fan_in.pubsub")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    if "google" in missing:
        monkeypatch.setitem(sys.modules, "google.cloud", None)
    settings = settings_of(tmp_path / "home", "duckdb:///w.duckdb", {"collect.journal_url": url})
    for work in (lambda: open_keeper(settings, lambda _, __: False), lambda: open_intake(settings)):
        with pytest.raises(SettingsError, match=said):
            work()


@on_kafka
def test_a_client_that_does_not_take_its_properties_is_one_sentence(broker: Broker, tmp_path: Path) -> None:
    url = "kafka://127.0.0.1:1/events?security.protocol=nonsense"
    settings = settings_of(tmp_path / "home", "duckdb:///w.duckdb", {"collect.journal_url": url})
    with pytest.raises(JournalError, match=r"does not take collect\.journal_url"):
        open_intake(settings)
