"""Several processes at one journal: who reads, who writes, who is killed and who is in the way."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from journal.arrivals import MB, event, everything, same

from headwater.errors import JournalUnavailable
from headwater.journal import tables
from headwater.journal.arrival import Outcome
from headwater.journal.journal import Journal, Row
from headwater.journal.writer import Writer

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
