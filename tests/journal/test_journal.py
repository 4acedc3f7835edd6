"""The journal against a model in plain Python, its limits, its order over processes, and what a kill leaves."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import DiskFull, JournalFull, JournalUnavailable
from headwater.journal import room, tables, writer
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.journal import Journal, Row
from headwater.journal.writer import Writer

MB = 1024 * 1024


def event(number: int, says: str = "", body: bytes = b"") -> Arrival:
    body = body or f'{{"event_id": {number}, "says": "{says}"}}'.encode()
    return Arrival(
        body=body,
        origin="/v1/events?stream=shop",
        received_at=time.time_ns() // 1000,
        key=sha256(str(number).encode()).digest()[:16],
        payload=sha256(body).digest()[:16],
        position=number,
    )


def refused(number: int) -> Arrival:
    return Arrival(
        body=b"\xff not JSON %d" % number,
        origin="/v1/events",
        received_at=time.time_ns() // 1000,
        reason="malformed_json",
        detail="it is not JSON",
    )


def same(stored: bytes, new: bytes) -> bool:
    """The tests' idea of it: spaces say nothing."""
    return stored.replace(b" ", b"") == new.replace(b" ", b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


@pytest.fixture
def the_writer(path: Path) -> Iterator[Writer]:
    it = Writer(path, 100 * MB, same)
    yield it
    it.close()


def everything(journal: Journal, limit: int = 1000) -> list[Row]:
    rows: list[Row] = []
    while more := journal.read(rows[-1].seq if rows else 0, limit):
        rows += more
    return rows


def test_what_goes_in_comes_out(the_writer: Writer, journal: Journal) -> None:
    before = time.time_ns() // 1000
    given_ones = [event(1), refused(2), event(3)]
    assert the_writer.submit(given_ones).result(30) == [
        Outcome.ACCEPTED,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
    ]
    rows = journal.read(0, 10)
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [
        (row.body, row.origin, row.reason, row.detail, row.position, row.received_at) for row in rows
    ] == [(it.body, it.origin, it.reason, it.detail, it.position, it.received_at) for it in given_ones]
    assert all(before <= row.journaled_at <= time.time_ns() // 1000 for row in rows)
    assert journal.kept_since() == rows[0].journaled_at
    assert [row.seq for row in journal.read(1, 1)] == [2]
    assert journal.read(3, 10) == []


def test_a_read_is_bounded_in_bytes(
    the_writer: Writer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_writer.submit([event(number, body=b"x" * 100_000) for number in range(1)]).result(30)
    the_writer.submit([event(number, body=b"%d" % number * 50_000) for number in range(1, 9)]).result(30)
    monkeypatch.setattr("headwater.journal.journal.READ_BYTES", 200_000)
    assert [row.seq for row in journal.read(0, 100)] == [1, 2, 3]
    assert [row.seq for row in everything(journal)] == list(range(1, 10))


def test_duplicates_and_conflicts_within_one_submit(the_writer: Writer, journal: Journal) -> None:
    outcomes = the_writer.submit(
        [
            event(1, body=b"a b"),
            event(1, body=b"a b"),
            event(1, body=b"ab"),  # another spelling of the same
            event(1, body=b"something else"),
        ]
    ).result(30)
    assert outcomes == [Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.DUPLICATE, Outcome.CONFLICT]
    first, conflict = journal.read(0, 10)
    assert (first.body, first.reason) == (b"a b", None)
    assert (conflict.body, conflict.reason) == (b"something else", "id_conflict")
    assert conflict.detail == "an event with this stream_id and event_id came first, and its content differs"
    assert journal.duplicates() == 2


@dataclass
class Model:
    """What the journal promises, with lists and dictionaries."""

    rows: dict[int, tuple[bytes, str | None]] = field(default_factory=dict)
    keys: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    last: int = 0
    duplicates: int = 0

    def submit(self, arrivals: list[Arrival]) -> list[Outcome]:
        return [self.one(arrival) for arrival in arrivals]

    def one(self, arrival: Arrival) -> Outcome:
        reason, outcome = arrival.reason, Outcome.REFUSED if arrival.reason else Outcome.ACCEPTED
        if arrival.key in self.keys:
            if same(self.keys[arrival.key][1], arrival.body):
                self.duplicates += 1
                return Outcome.DUPLICATE
            reason, outcome = "id_conflict", Outcome.CONFLICT
        self.last += 1
        self.rows[self.last] = (arrival.body, reason)
        if arrival.key is not None and outcome is Outcome.ACCEPTED:
            self.keys[arrival.key] = (self.last, arrival.body)
        return outcome

    def prune(self, loaded: int, limit: int) -> int:
        gone = [seq for seq in sorted(self.rows) if seq <= loaded][:limit]
        for seq in gone:
            del self.rows[seq]
        self.keys = {key: (seq, body) for key, (seq, body) in self.keys.items() if seq in self.rows}
        return len(gone)


arrivals = st.one_of(
    st.builds(event, st.integers(0, 12), says=st.sampled_from(["x", "x ", "y"])),
    st.builds(refused, st.integers(0, 3)),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.lists(st.lists(arrivals, max_size=12), max_size=4)),
        st.tuples(st.just("prune"), st.tuples(st.integers(0, 40), st.integers(0, 10))),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(steps=steps)
def test_it_does_what_the_model_does(steps: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("model") / "journal.sqlite"
    the_writer, journal, model = Writer(path, 100 * MB, same), Journal(path), Model()
    try:
        for verb, what in steps:
            if verb == "submit":
                futures = [the_writer.submit(one) for one in what]
                expected = [model.submit(one) for one in what]
                assert [future.result(30) for future in futures] == expected
            else:
                loaded, limit = min(what[0], model.last), what[1]
                journal.note_loaded(loaded)
                assert journal.prune(loaded, time.time_ns() // 1000 + 1, limit) == model.prune(loaded, limit)
            assert {row.seq: (row.body, row.reason) for row in everything(journal)} == model.rows
            assert (journal.last_seq(), journal.duplicates()) == (model.last, model.duplicates)
    finally:
        the_writer.close()
        journal.close()


def test_a_reopened_journal_is_the_same(path: Path) -> None:
    with_writer = Writer(path, MB, same)
    with_writer.submit([event(1), event(1), event(2)]).result(30)
    with_writer.close()
    journal = Journal(path)
    journal.note_loaded(2)
    assert journal.prune(2, time.time_ns() // 1000 + 1, 10) == 2
    before = (journal.journal_id, journal.last_seq(), journal.duplicates(), journal.loaded())
    journal.close()
    again = Journal(path)
    assert (again.journal_id, again.last_seq(), again.duplicates(), again.loaded()) == before
    assert before[1:] == (2, 1, 2)
    assert again.kept_since() is None
    with_writer = Writer(path, MB, same)
    with_writer.submit([event(3)]).result(30)
    with_writer.close()
    assert [row.seq for row in again.read(2, 10)] == [3]
    again.close()


def test_prune_takes_the_oldest_that_are_old_and_loaded(the_writer: Writer, journal: Journal) -> None:
    the_writer.submit([event(number) for number in range(6)]).result(30)
    between = time.time_ns() // 1000 + 1
    time.sleep(0.01)
    the_writer.submit([event(number) for number in range(6, 12)]).result(30)
    assert journal.prune(12, between, 4) == 4
    assert journal.prune(12, between, 4) == 2
    assert journal.prune(12, between, 4) == 0
    assert journal.prune(8, between * 2, 100) == 2
    assert [row.seq for row in everything(journal)] == [9, 10, 11, 12]


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


READER = """
import sys
from pathlib import Path
from typing import Any
from headwater.journal.journal import Journal
journal = Journal(Path(sys.argv[1]))
print("reading", flush=True)
while True:
    last = 0
    while rows := journal.read(last, 5_000):
        last = rows[-1].seq
"""


def test_the_log_stays_short_while_others_read_all_the_time(the_writer: Writer, path: Path) -> None:
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE) for _ in range(2)
    ]
    longest = 0
    try:
        for reader in readers:
            assert reader.stdout
            assert reader.stdout.readline() == b"reading\n"
        for start in range(0, 100_000, 250):
            rows = [event(number, body=b"%06d" % number * 100) for number in range(start, start + 250)]
            the_writer.submit(rows).result(30)
            longest = max(longest, path.with_name("journal.sqlite-wal").stat().st_size)
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
    print(f"the log had {longest / MB:.1f} MB at most")
    assert longest < 36 * MB


def test_a_reader_that_never_ends_does_not_stall_the_door(the_writer: Writer, path: Path) -> None:
    the_writer.submit([event(0)]).result(30)
    stuck = sqlite3.connect(path, isolation_level=None)
    stuck.execute("begin")
    stuck.execute("select * from arrivals").fetchone()
    log = path.with_name("journal.sqlite-wal")
    number = slow = 0
    slowest = 0.0
    while log.stat().st_size < 40 * MB:
        started = time.monotonic()
        the_writer.submit([event(number + more, body=b"x" * 600) for more in range(250)]).result(30)
        slowest = max(slowest, time.monotonic() - started)
        slow += time.monotonic() - started > 0.15
        number += 250
    assert slowest < 1.5
    assert slow <= 5
    stuck.close()
    for _ in range(100):
        number += 250
        the_writer.submit([event(number + more, body=b"x" * 600) for more in range(250)]).result(30)
    assert log.stat().st_size < 20 * MB


def test_delays_are_noted_when_nothing_follows(the_writer: Writer, journal: Journal) -> None:
    the_writer.submit([event(1), event(2)]).result(30)
    deadline = time.monotonic() + 30
    while not journal.delays(60).count():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert journal.delays(60).count() == 2
    assert 0 < (journal.delays(60).quantile(0.5) or 0) < 1
    assert journal.delays(0).quantile(0.5) is None


WORKER = """
import random, sys, time
from hashlib import sha256
from pathlib import Path
from typing import Any
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.writer import Writer
name, path, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
writer = Writer(path, 1 << 30, lambda stored, new: stored == new)
end, number = time.monotonic() + seconds, 0
waiting = []
while time.monotonic() < end:
    arrivals = []
    for _ in range(random.choice((1, 25))):
        body = f"{name}-{number}".encode() + b"." * 300
        key = sha256(body).digest()[:16]
        arrivals.append(Arrival(body=body, origin="x", received_at=0, key=key, payload=key))
        number += 1
    waiting.append((arrivals, writer.submit(arrivals)))
    while waiting and (len(waiting) > 20 or waiting[0][1].done()):
        arrivals, future = waiting.pop(0)
        assert future.result() == [Outcome.ACCEPTED] * len(arrivals)
        for arrival in arrivals:
            sys.stdout.write(arrival.body.decode().rstrip(".") + "\\n")
        sys.stdout.flush()
writer.close()
"""


def start_worker(name: str, path: Path, seconds: float, out: Path) -> "subprocess.Popen[bytes]":
    with out.open("ab") as file:
        return subprocess.Popen([sys.executable, "-c", WORKER, name, str(path), str(seconds)], stdout=file)


def test_a_reader_never_misses_a_smaller_number(path: Path, journal: Journal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    workers = [start_worker(f"w{number}", path, 2.0, out) for number in range(3)]
    seen: list[Row] = []
    while any(worker.poll() is None for worker in workers):
        seen += journal.read(seen[-1].seq if seen else 0, 100)  # as the engine does: only ever forward
    while more := journal.read(seen[-1].seq if seen else 0, 1000):
        seen += more
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert [row.seq for row in seen] == list(range(1, journal.last_seq() + 1))
    assert {row.body[:2] for row in seen} == {b"w0", b"w1", b"w2"}
    assert len(seen) > 1000
    assert len({row.body for row in seen}) == len(seen)


def test_a_killed_writer_loses_nothing_that_it_answered(path: Path, journal: Journal, tmp_path: Path) -> None:
    out = tmp_path / "out"
    chance = random.Random(7)
    for round_number in range(6):
        worker = start_worker(f"r{round_number}", path, 30, out)
        before = out.stat().st_size
        while out.stat().st_size == before:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.4))
        worker.send_signal(signal.SIGKILL)
        worker.wait(60)
    answered = out.read_bytes().split(b"\n")[:-1]
    kept = [row.body.rstrip(b".") for row in everything(journal)]
    assert len(kept) == len(set(kept))
    assert set(answered) <= set(kept)
    print(f"{len(answered)} answered, {len(kept)} kept, 6 kills")
    assert len(answered) > 500
    assert journal.salvaged() is None  # a kill is no damage


def test_each_commit_is_synced(path: Path, tmp_path: Path) -> None:
    if subprocess.run(["strace", "-V"], capture_output=True, check=False).returncode:
        pytest.skip("NO FSYNC WATCHED: strace is not there")
    script = WORKER.split("end, number")[0] + (
        "for n in range(20):\n"
        "    a = [Arrival(body=b'%d' % n, origin='x', received_at=0)]\n"
        "    writer.submit(a).result()\n"
        "    print(f'answered {n}', flush=True)\n"
    )
    trace = tmp_path / "trace"
    watch = ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync,write", "-o", trace]
    done = subprocess.run(
        [*watch, sys.executable, "-c", script, "w", str(path), "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("NO FSYNC WATCHED: strace may not trace here")
    assert done.returncode == 0, done.stderr
    synced = answered = 0
    for line in trace.read_text().splitlines():
        if "sync(" in line and "journal.sqlite-wal" in line:
            synced += 1
        if '"answered ' in line:
            answered += 1
            assert synced > 0, "answered before the log was synced"
            synced = 0
    assert answered == 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("NO FULL DISK TESTED: only root can mount a small disk for it")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"NO FULL DISK TESTED: mount says {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


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


def test_another_program_that_holds_the_file_is_told_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BUSY_MILLISECONDS", 300)
    the_writer = Writer(path, MB, same)
    the_writer.submit([event(1)]).result(30)
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("begin immediate")
    with pytest.raises(JournalUnavailable, match="locked"):
        the_writer.submit([event(2)]).result(10)
    shell.execute("rollback")
    shell.close()
    assert the_writer.submit([event(2)]).result(30) == [Outcome.ACCEPTED]
    the_writer.close()


def test_it_knows_the_latest_receipt(path: Path) -> None:
    journal, one = Journal(path), Writer(path, 100 * MB, same)
    assert journal.last_received_at() is None
    said = [msgspec.structs.replace(event(number), received_at=at) for number, at in enumerate((5, 9, 7))]
    one.submit(said[:2]).result()
    one.submit(said[2:]).result()
    assert journal.last_received_at() == 9
    one.close()
    journal.close()
