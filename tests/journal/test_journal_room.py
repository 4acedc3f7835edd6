"""How much a journal may take, in its file and on its disk."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journal.arrivals import MB, event, everything, same
from small_disk import small_disk_in

from headwater.errors import DiskFull, JournalFull
from headwater.journal import room, tables
from headwater.journal.arrival import Outcome
from headwater.journal.journal import Journal
from headwater.journal.writer import Writer


def test_a_full_journal_takes_no_more_until_some_is_loaded(path: Path, journal: Journal) -> None:
    the_writer = Writer(path, 2 * MB, same)
    error, kept = None, 0
    while kept < 1_000 and not error:
        error = the_writer.submit([event(kept, body=os.urandom(5000))]).exception(30)
        kept += not error
    assert isinstance(error, JournalFull)
    assert "collect.journal_max_mb" in str(error)
    assert 300 < kept < 420
    assert journal.size_bytes() <= 2 * MB
    assert len(everything(journal)) == journal.last_seq() == kept
    assert journal.dropped_early() == (0, None)

    rows = everything(journal)
    journal.note_loaded(100)
    for number in range(kept, kept + 80):
        assert the_writer.submit([event(number, body=os.urandom(5000))]).result(30) == [Outcome.ACCEPTED]
    assert journal.read(0, 1)[0].seq == 101
    assert journal.dropped_early() == (100, rows[99].journaled_at)
    assert journal.size_bytes() <= 2 * MB
    # What is loaded has given way, what is not is all there.
    assert [row.seq for row in everything(journal)] == list(range(101, kept + 81))
    errors = [
        the_writer.submit([event(number, body=os.urandom(5000))]).exception(30)
        for number in range(10_000, 10_100)
    ]
    assert isinstance(errors[-1], JournalFull)
    the_writer.close()


def test_pruning_makes_room_again_in_the_same_file(path: Path, journal: Journal) -> None:
    the_writer = Writer(path, 100 * MB, same)
    number = 0
    sizes = []
    for _ in range(6):
        for _ in range(20):
            the_writer.submit([event(number + more, body=os.urandom(900)) for more in range(100)]).result(30)
            number += 100
        journal.note_loaded(number)
        while journal.prune(number, time.time_ns() // 1000 + 1, 500):
            pass
        sizes.append(path.stat().st_size)
    the_writer.close()
    assert journal.size_bytes() < 0.5 * MB
    assert path.stat().st_size < 6 * MB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_in(tmp_path, megabytes=80) as disk:
        yield disk


def test_a_nearly_full_disk_takes_no_more_until_there_is_room(small_disk: Path) -> None:
    path, ballast = small_disk / "journal.sqlite", small_disk / "ballast"
    the_writer, journal = Writer(path, 1024 * MB, same), Journal(path)
    assert the_writer.submit([event(1)]).result(30) == [Outcome.ACCEPTED]
    ballast.write_bytes(b"x" * 30 * MB)
    time.sleep(room.GOOD_FOR)
    with pytest.raises(DiskFull, match="nearly full; free some space"):
        the_writer.submit([event(2)]).result(30)
    assert journal.last_seq() == 1
    ballast.unlink()
    assert the_writer.submit([event(2)]).result(30) == [Outcome.ACCEPTED]
    assert journal.last_seq() == 2
    the_writer.close()
    journal.close()


def test_a_disk_that_is_full_all_the_same(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as when others fill it between look and commit
    monkeypatch.setattr(room, "_free_on_disk", lambda *_: 1024 * MB)
    path, ballast = small_disk / "journal.sqlite", small_disk / "ballast"
    the_writer, journal = Writer(path, 1024 * MB, same), Journal(path)
    the_writer.submit([event(0)]).result(30)
    ballast.write_bytes(b"x" * 60 * MB)
    kept = 1
    for _ in range(100):
        future = the_writer.submit([event(kept + more, body=os.urandom(10_000)) for more in range(50)])
        if error := future.exception(30):
            break
        kept += 50
    assert isinstance(error, DiskFull), error
    assert "free some space" in str(error)
    assert len(everything(journal)) == journal.last_seq() == kept
    ballast.unlink()
    assert the_writer.submit([event(kept)]).result(30) == [Outcome.ACCEPTED]
    assert len(everything(journal)) == kept + 1
    assert journal.salvaged() is None
    the_writer.close()
    journal.close()


def test_two_workers_keep_one_limit_though_neither_looks_with_every_commit(path: Path) -> None:
    looks = 0

    class Looked(room.Room):
        def _look(self, *words: Any) -> int:
            nonlocal looks
            looks += 1
            return super()._look(*words)

    limit, commits = 4 * MB, 0
    two = [Writer(path, limit, same) for _ in range(2)]
    for one in two:
        one._room = Looked(path, limit)
    error = None
    while error is None:
        error = two[commits % 2].submit([event(commits, body=b'{"text":"%b"}' % (b"x" * 4_000))]).exception(5)
        commits += 1
    assert isinstance(error, JournalFull), error
    held = two[0]._file.ask(tables.live_bytes)
    print(f"{held / limit:.2f} of the limit held after {commits} commits and {looks} looks")
    assert 0.8 * limit < held <= limit
    assert looks < commits / 2
    for one in two:
        one.close()
