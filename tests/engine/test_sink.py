"""What is in the journal is in the warehouse once: rows, position and books move together or not at all."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from engine.stream import ORIGIN, Stream, event, poison, refusal
from product import Product
from raw_events import contents

from headwater.engine.sink import Sink, position_of
from headwater.errors import HeadwaterError, QueryError, TransientError, WarehouseLocked
from headwater.journal.arrival import Outcome
from headwater.originals import kept, sent
from headwater.warehouse import schema
from headwater.warehouse.protocol import Warehouse

BOOKS = "select position, loaded, duplicates, dead_letters from headwater_positions"
HELD = "select event_id from events_streaming order by batch_id, event_timestamp"


def a_sink(product: Product, stream: Stream) -> Sink:
    return Sink(stream.journal, product.warehouse)


def held(product: Product) -> list[str]:
    return [row["event_id"] for row in product.rows(HELD)]


def booked(product: Product) -> tuple[int, ...]:
    (row,) = product.rows(BOOKS) or [{}]
    return tuple(int(value) for value in row.values())


@contextmanager
def failing_commits(product: Product, engine: str) -> Iterator[None]:
    """DuckDB may not write another byte into its log; on PostgreSQL a deferred trigger fails at the commit."""
    if engine == "duckdb":
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        log = product.home / "warehouse.duckdb.wal"
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(log) + 10, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    product.warehouse.execute(
        """
        create function fail() returns trigger language plpgsql as
        $$ begin raise exception 'no commit today' using errcode = '40001'; end $$
        """
    )
    product.warehouse.execute(
        "create constraint trigger fails after insert or update on headwater_positions "
        "deferrable initially deferred for each row execute function fail()"
    )
    try:
        yield
    finally:
        product.warehouse.execute("drop function fail cascade")


@pytest.mark.bigquery
def test_each_row_lands_once_with_the_position_and_the_books(product: Product, stream: Stream) -> None:
    sink = a_sink(product, stream)
    assert sink.step() is None
    stream.take([event(1), event(2), event(3)])
    first = sink.step()
    assert first
    assert (first.appended.accepted, [row.seq for row in first.rows]) == (3, [1, 2, 3])
    assert sink.step() is None
    # the journal has forgotten event 1, as after its retention: the warehouse has not
    stream.journal.prune(1, 2**62, 10)
    assert stream.take([event(1), event(2), event(4)]) == [
        Outcome.ACCEPTED,
        Outcome.DUPLICATE,
        Outcome.ACCEPTED,
    ]
    again = a_sink(product, stream)  # one that knows nothing, as after a kill
    assert again.step()
    assert again.step() is None
    assert held(product) == ["e1", "e2", "e3", "e4"]
    assert booked(product) == (5, 4, 1, 0)
    assert stream.journal.loaded() == 5
    assert position_of(product.warehouse, stream.journal.journal_id) == 5


def test_a_step_that_fails_at_its_commit_is_done_again(product: Product, stream: Stream, engine: str) -> None:
    sink = a_sink(product, stream)
    stream.take([event(1)])
    sink.step()
    before = contents(product.warehouse), booked(product)
    stream.take([event(2), event(3), event(1)])
    with failing_commits(product, engine):
        for _ in range(2):
            with pytest.raises(HeadwaterError):
                sink.step()
    assert (contents(product.warehouse), booked(product)) == before
    assert stream.journal.loaded() == 1
    assert sink.step()
    assert held(product) == ["e1", "e2", "e3"]
    assert booked(product) == (3, 3, 0, 0)
    assert sink.step() is None


@pytest.mark.bigquery
def test_two_sinks_on_one_journal(product: Product, stream: Stream) -> None:
    one, other = a_sink(product, stream), a_sink(product, stream)
    stream.take([event(1)])
    assert one.step()
    assert other.step() is None  # at its start it asks how far the journal is loaded
    stream.take([event(2)])
    assert one.step()
    stream.take([event(3)])
    with pytest.raises(
        WarehouseLocked, match=r"Another headwater has loaded this journal up to event 2 .*: stop one"
    ):
        other.step()
    assert one.step()
    assert other.step() is None
    assert held(product) == ["e1", "e2", "e3"]
    assert booked(product) == (3, 3, 0, 0)


@pytest.mark.bigquery
def test_one_row_that_is_no_text_is_a_dead_letter_and_the_others_land_in_order(
    product: Product, stream: Stream
) -> None:
    events = [event(number) for number in range(999)]
    stream.take(events[:617])
    stream.keep([poison(1)])
    stream.take(events[617:])
    done = a_sink(product, stream).step()
    assert done
    assert (done.appended.accepted, done.appended.dead_letters) == (999, 1)
    assert held(product) == [one["event_id"] for one in events]
    assert booked(product) == (1000, 999, 0, 1)
    (letter,) = product.rows("select * from dead_letters")
    assert (letter["reason"], letter["line"], letter["origin"]) == ("poison", 618, ORIGIN)
    assert sent(letter["original"]) == b'{"event_id":"p1","event_name":"\xff\xfe"}'
    assert letter["detail"].endswith("does not take it: UnicodeDecodeError")


def refuse_in(warehouse: Warehouse, engine: str, name: str) -> None:
    """From now on the table takes no event of that name."""
    check = f"check (event_name <> '{name}')"
    if engine == "postgres":
        warehouse.execute(f"alter table events_streaming add {check}")
        return
    warehouse.execute("drop table events_streaming")
    columns = schema.columns("varchar")
    warehouse.execute(f"create table events_streaming ({columns}, batch_id bigint not null, {check})")


def test_a_row_that_the_warehouse_does_not_take(
    product: Product, stream: Stream, engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_in(product.warehouse, engine, "poison")
    mail = "planted.person@example.com"
    named = [event(number, event_name="poison" if number in (3, 17) else "view") for number in range(40)]
    stream.take([{**one, "campaign": mail} for one in named])
    done = a_sink(product, stream).step()
    assert done
    assert (done.appended.accepted, done.appended.dead_letters) == (38, 2)
    assert held(product) == [f"e{number}" for number in range(40) if number not in (3, 17)]
    letters = product.rows("select line, reason, detail, original from dead_letters order by line")
    # PostgreSQL tells the whole row with its error
    assert "event 4 of the journal cannot be loaded (QueryError)" in caplog.text
    assert mail not in caplog.text + "".join(row["detail"] for row in letters)
    assert [(row["line"], row["reason"]) for row in letters] == [(4, "poison"), (18, "poison")]
    assert '"event_id":"e3"' in letters[0]["original"]


@pytest.mark.bigquery
def test_what_the_door_refused_keeps_its_bytes_origin_and_place(product: Product, stream: Stream) -> None:
    stream.keep([refusal(b'{"event_name": "oh\xe9", ', 4), refusal(b"", 5)])
    stream.take([event(1)])
    assert a_sink(product, stream).step()
    letters = product.rows("select origin, line, reason, detail, original from dead_letters order by line")
    assert letters == [
        {
            "origin": ORIGIN,
            "line": line,
            "reason": "malformed_json",
            "detail": "it is no JSON",
            "original": kept(original),
        }
        for line, original in ((4, b'{"event_name": "oh\xe9", '), (5, b""))
    ]
    assert booked(product) == (3, 1, 0, 2)


def test_a_fault_of_the_warehouse_buries_nothing(product: Product, stream: Stream) -> None:
    sink = a_sink(product, stream)
    stream.take([event(1), event(2)])
    for table in ("events_streaming", "headwater_batches", "headwater_positions"):
        product.warehouse.execute(f"alter table {table} rename to elsewhere")
        for _ in range(2):
            with pytest.raises(QueryError):
                sink.step()
        product.warehouse.execute(f"alter table elsewhere rename to {table}")
        assert product.rows("select * from dead_letters") == []
    assert sink.step()
    assert held(product) == ["e1", "e2"]
    assert booked(product) == (2, 2, 0, 0)


def test_a_row_in_whose_way_somebody_was_is_no_poison(product: Product, stream: Stream, engine: str) -> None:
    """A single row meets another's change of the same books: it waits until that is over."""
    if engine == "postgres":
        pytest.skip("PostgreSQL waits for the other one")
    sink = a_sink(product, stream)
    stream.take([event(1)])
    sink.step()
    other = product.warehouse.another()
    other.execute("begin")
    other.execute("update headwater_positions set loaded = loaded + 1")
    stream.take([event(2)])
    for _ in range(2):
        with pytest.raises(TransientError):
            sink.step()
    other.execute("rollback")
    other.close()
    assert sink.step()
    assert held(product) == ["e1", "e2"]
    assert product.rows("select * from dead_letters") == []
