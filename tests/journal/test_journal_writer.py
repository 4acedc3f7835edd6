"""The one thread that commits: what waits for it, what fails, and how it ends."""

import asyncio
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from journal.arrivals import MB, event, same

from headwater.errors import JournalFull, JournalUnavailable
from headwater.journal import writer
from headwater.journal.arrival import Outcome
from headwater.journal.journal import Journal
from headwater.journal.writer import Writer


def test_one_wake_up_of_the_loop_answers_all_of_a_commit(the_writer: Writer, journal: Journal) -> None:
    async def crowd() -> int:
        loop = asyncio.get_running_loop()
        wake_ups = 0
        plain = loop.call_soon_threadsafe

        def counted(*arguments: object) -> object:
            nonlocal wake_ups
            wake_ups += 1
            return plain(*arguments)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign, assignment]
        outcomes = await asyncio.gather(*(the_writer.submit_async([event(number)]) for number in range(2000)))
        assert outcomes == [[Outcome.ACCEPTED]] * 2000
        return wake_ups

    assert asyncio.run(crowd()) < 200
    assert journal.last_seq() == 2000


def test_who_gives_up_waiting_disturbs_nobody(the_writer: Writer, journal: Journal) -> None:
    async def impatient() -> list[Outcome]:
        leaving = asyncio.create_task(the_writer.submit_async([event(1)]))
        staying = asyncio.create_task(the_writer.submit_async([event(2)]))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(impatient()) == [Outcome.ACCEPTED]
    assert journal.last_seq() == 2


def test_one_bad_submit_fails_alone(path: Path, journal: Journal) -> None:
    def picky(stored: bytes, new: bytes) -> bool:
        raise ZeroDivisionError("a flaw in the comparison")

    the_writer = Writer(path, MB, picky)
    the_writer.submit([event(1, "x")]).result(30)
    with journal._file._locked():  # the thread waits here, so that the rest comes as one group
        futures = [the_writer.submit([event(2)])]
        time.sleep(0.05)
        futures += [
            the_writer.submit([event(3)]),
            the_writer.submit([event(1, "y")]),
            the_writer.submit([event(4)]),
        ]
    assert isinstance(futures[2].exception(30), ZeroDivisionError)
    assert [futures[place].result(30) for place in (0, 1, 3)] == [[Outcome.ACCEPTED]] * 3
    the_writer.close()


def test_close_commits_what_is_queued(path: Path, journal: Journal) -> None:
    the_writer = Writer(path, 100 * MB, same)
    futures = [the_writer.submit([event(number)]) for number in range(5000)]
    the_writer.close()
    assert all(future.result(0) == [Outcome.ACCEPTED] for future in futures)
    assert journal.last_seq() == 5000
    with pytest.raises(JournalUnavailable, match="stopping"):
        the_writer.submit([event(1)])


def test_close_does_not_wait_for_ever(path: Path, journal: Journal) -> None:
    the_writer = Writer(path, MB, same)
    with journal._file._locked():
        first = the_writer.submit([event(1)])
        time.sleep(0.1)  # it is under way, behind the lock
        second = the_writer.submit([event(2)])
        started = time.monotonic()
        the_writer.close(seconds=0.3)
        assert time.monotonic() - started < 10  # the lock is held until it has closed
        assert isinstance(second.exception(0), JournalUnavailable)
    assert first.result(30) == [Outcome.ACCEPTED]
    assert journal.last_seq() == 1


def test_the_queue_is_bounded(path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_QUEUE_BYTES", 100_000)
    the_writer = Writer(path, 100 * MB, same)
    taken: list[Future[list[Outcome]]] = []

    def flood() -> None:
        for number in range(1000):
            taken.append(the_writer.submit([event(number, body=b"x" * 1000)]))

    with journal._file._locked(), pytest.raises(JournalFull, match="More arrives than the disk takes"):
        flood()
    assert 50 < len(taken) < 200
    assert all(future.result(30) == [Outcome.ACCEPTED] for future in taken)
    assert the_writer.submit([event(1001)]).result(30) == [Outcome.ACCEPTED]
    the_writer.close()


def test_delays_are_noted_when_nothing_follows(the_writer: Writer, journal: Journal) -> None:
    the_writer.submit([event(1), event(2)]).result(30)
    deadline = time.monotonic() + 30
    while not journal.delays(60).count():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert journal.delays(60).count() == 2
    assert 0 < (journal.delays(60).quantile(0.5) or 0) < 1
    assert journal.delays(0).quantile(0.5) is None
