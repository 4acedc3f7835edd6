"""accepted = loaded + duplicates + dead letters + pending, and nothing lost, while everything moves."""

import random
import threading
import time

from engine.stream import Stream, event, poison, refusal
from product import Product

from headwater.engine.books import Books, books, entry
from headwater.engine.sink import Sink
from headwater.journal.arrival import Outcome

REQUESTS = 60


def test_the_books_balance_at_any_moment(product: Product, stream: Stream) -> None:
    """Two doors that repeat themselves and each other, events that are refused, a poisoned one, a sink, a reader."""
    outcomes: list[Outcome] = []
    done = threading.Event()
    failures: list[BaseException] = []

    def door(seed: int) -> None:
        dice = random.Random(seed)
        for request in range(REQUESTS):
            numbers = [dice.randrange(REQUESTS * 4) for _ in range(8)]
            outcomes.extend(stream.take([event(number) for number in numbers]))
            outcomes.extend(stream.take([event(numbers[0], event_name="another")]))
            if request % 10 == 0:
                outcomes.extend(stream.keep([refusal(b"no %d of %d" % (request, seed))]))
            if request == 30:
                outcomes.extend(stream.keep([poison(seed)]))
            time.sleep(0.01)

    def load() -> None:
        sink = Sink(stream.journal, product.warehouse)
        while True:
            is_over = done.is_set()
            if not sink.step() and is_over:
                return

    def guarded(work: object, *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)  # type: ignore[operator]
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    doors, sink = [guarded(door, seed) for seed in (1, 2)], guarded(load)
    reader = product.warehouse.another()
    seen: list[Books] = []
    while any(thread.is_alive() for thread in doors) or sink.is_alive():
        if not any(thread.is_alive() for thread in doors):
            done.set()
        answered = len(outcomes)
        seen.append(books(entry(reader, stream.journal), stream.journal))
        assert seen[-1].accepted >= answered  # whatever a door has answered for is in them
        assert not failures
    for now, before in zip(seen[1:], seen, strict=False):
        assert now.loaded + now.duplicates + now.dead_letters + now.pending == now.accepted
        assert now.lost == 0
        assert now.accepted >= before.accepted
        assert now.loaded >= before.loaded
        assert now.dead_letters >= before.dead_letters
        assert now.pending >= 0
    assert len({one.loaded for one in seen}) > 5  # many moments
    assert any(one.pending for one in seen)

    last = books(entry(reader, stream.journal), stream.journal)
    reader.close()
    refusals = outcomes.count(Outcome.REFUSED) + outcomes.count(Outcome.CONFLICT)
    assert refusals > 2 * REQUESTS / 10
    assert last == Books(
        accepted=len(outcomes),
        loaded=outcomes.count(Outcome.ACCEPTED) - 2,  # the poisoned ones
        duplicates=outcomes.count(Outcome.DUPLICATE),
        dead_letters=refusals + 2,
        pending=0,
        lost=0,
    )
    (row,) = product.rows("select count(*) as n, count(distinct event_id) as ids from events_streaming")
    assert (row["n"], row["ids"]) == (last.loaded, last.loaded)


def test_what_has_left_the_journal_unloaded_is_told_as_lost(product: Product, stream: Stream) -> None:
    """As after damage: rows that the warehouse never had."""
    stream.take([event(number) for number in range(5)])
    stream.journal.prune(2, 2**62, 10)
    Sink(stream.journal, product.warehouse).step()
    found = books(entry(product.warehouse, stream.journal), stream.journal)
    assert found == Books(accepted=5, loaded=3, duplicates=0, dead_letters=0, pending=0, lost=2)
