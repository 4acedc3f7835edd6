"""A journal whose files are cut or flipped: what is whole survives, it goes on by itself, and says what it did."""

import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from headwater.errors import DiskFull, JournalDamaged, JournalUnavailable
from headwater.journal import journal_file, salvage
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.journal import Journal
from headwater.journal.wal import frames
from headwater.journal.writer import Writer

MB = 1024 * 1024
ROW_EDGES = 160  # bytes around a body that belong to its row: key, origin, heading, times


def same(stored: bytes, new: bytes) -> bool:
    return stored == new


def event(number: int) -> Arrival:
    size = 9_000 if number % 17 == 5 else 200 + number * 7 % 500
    body = (b"%06d:" % number) + random.Random(number).randbytes(size)
    return Arrival(
        body=body,
        origin="/v1/events",
        received_at=1_700_000_000_000_000,
        key=sha256(body).digest()[:16],
        payload=sha256(body).digest()[:16],
    )


def rows_of(journal: Journal) -> dict[int, bytes]:
    rows: dict[int, bytes] = {}
    last = 0
    while more := journal.read(last, 50):
        rows |= {row.seq: row.body for row in more}
        last = more[-1].seq
    return rows


@dataclass
class Sample:
    """A journal as a kill leaves it: some rows in the file, some in the log only."""

    folder: Path
    bodies: dict[int, bytes]
    journal_id: str

    def copy(self, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return to / "journal.sqlite"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    home, folder = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("copy")
    path = home / "journal.sqlite"
    first = Writer(path, 100 * MB, same)
    bodies: dict[int, bytes] = {}
    for start in range(0, 120, 12):
        arrivals = [event(number) for number in range(start, start + 12)]
        first.submit(arrivals).result(30)
        bodies |= {start + place + 1: arrival.body for place, arrival in enumerate(arrivals)}
        if start == 60:
            with sqlite3.connect(path) as shell:
                shell.execute("pragma wal_checkpoint(truncate)")
            shell.close()
    first.submit([event(3), event(4)]).result(30)  # duplicates
    journal = Journal(path)
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        shutil.copy(home / name, folder / name)
    yield Sample(folder, bodies, journal.journal_id)
    first.close()
    journal.close()


def touched(sample: Sample, file: str, start: int, end: int) -> set[int]:
    """The rows that have a copy in the damaged stretch: only they may be lost."""
    data = (sample.folder / file).read_bytes()
    lost = set()
    for seq, body in sample.bodies.items():
        for offset in range(0, len(body), 64):  # long bodies lie in many places
            piece = body[offset : offset + 48]
            place = data.find(piece)
            while place >= 0:
                edges = ROW_EDGES + 4096 if len(body) > 4000 else ROW_EDGES
                if place - edges < end and start < place + 64 + edges:
                    lost.add(seq)
                place = data.find(piece, place + 1)
    return lost


def check(path: Path, sample: Sample, may_be_lost: set[int], note: str) -> int:
    """It opens, gives only what was written, loses only what was hit, and takes new rows. Says how many are lost."""
    journal = Journal(path)
    rows = rows_of(journal)
    assert rows.items() <= sample.bodies.items(), note
    lost = set(sample.bodies) - set(rows)
    assert lost <= may_be_lost, f"{note}: lost {sorted(lost - may_be_lost)}"
    the_writer = Writer(path, 100 * MB, same)
    last = max(journal.last_seq(), max(rows, default=0))
    new, known = event(9_999), event(max(rows, default=0) - 1)
    assert the_writer.submit([new]).result(30) == [Outcome.ACCEPTED], note
    if rows:
        assert the_writer.submit([known]).result(30) == [Outcome.DUPLICATE], note
    the_writer.close()
    assert rows_of(journal) == rows | {last + 1: new.body}, note
    journal.close()
    return len(lost)


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def test_the_sample_is_whole_and_its_log_is_read_right(sample: Sample, tmp_path: Path) -> None:
    found = list(frames(sample.folder / "journal.sqlite-wal"))
    assert len(found) > 30
    assert all(frame.is_whole and frame.is_seen for frame in found)
    assert sum(frame.is_commit for frame in found) == 5
    path = sample.copy(tmp_path / "home")
    assert check(path, sample, set(), "undamaged") == 0
    assert not list(path.parent.glob("*damaged*"))


@pytest.mark.parametrize("file", ["journal.sqlite", "journal.sqlite-wal"])
def test_flipped_bits(file: str, sample: Sample, tmp_path: Path, quiet: None) -> None:
    chance = random.Random(1)
    size = (sample.folder / file).stat().st_size
    lost = rounds = 0
    for place in [*range(0, 100, 12), *(chance.randrange(size) for _ in range(50))]:
        path = sample.copy(tmp_path / "home")
        bit = chance.randrange(8)
        with (path.parent / file).open("r+b") as damaged:
            damaged.seek(place)
            (byte,) = damaged.read(1)
            damaged.seek(place)
            damaged.write(bytes([byte ^ 1 << bit]))
        may = touched(sample, file, place, place + 1)
        lost += check(path, sample, may, f"bit {bit} of byte {place} of {size}")
        rounds += 1
    print(f"{file}: {rounds} flips, {lost} rows lost, all of them hit")
    assert lost < rounds


def test_a_log_that_is_cut(sample: Sample, tmp_path: Path, quiet: None) -> None:
    chance = random.Random(2)
    file = "journal.sqlite-wal"
    size = (sample.folder / file).stat().st_size
    lost = []
    for place in [0, 1, 31, 32, 33, *sorted(chance.randrange(size) for _ in range(25)), size - 1]:
        path = sample.copy(tmp_path / "home")
        os.truncate(path.parent / file, place)
        lost.append(check(path, sample, touched(sample, file, place, size), f"cut at {place} of {size}"))
    print(f"{len(lost)} cuts, from {max(lost)} to {min(lost)} rows lost")
    assert lost[-1] < 5


def test_a_file_that_is_cut(sample: Sample, tmp_path: Path, quiet: None) -> None:
    chance = random.Random(3)
    file = "journal.sqlite"
    size = (sample.folder / file).stat().st_size
    lost = []
    for place in [0, 1, 99, 4096, *sorted(chance.randrange(size) for _ in range(20)), size - 1]:
        path = sample.copy(tmp_path / "home")
        os.truncate(path, place)
        lost.append(check(path, sample, touched(sample, file, place, size), f"cut at {place} of {size}"))
    print(f"{len(lost)} cuts, from {max(lost)} to {min(lost)} rows lost")
    assert lost[-1] <= 5


def test_a_stretch_of_zeros(sample: Sample, tmp_path: Path, quiet: None) -> None:
    chance = random.Random(4)
    for file in ["journal.sqlite", "journal.sqlite-wal"] * 8:
        path = sample.copy(tmp_path / "home")
        size = (path.parent / file).stat().st_size
        start = chance.randrange(size)
        end = min(size, start + chance.choice([10, 500, 5_000, 20_000]))
        with (path.parent / file).open("r+b") as damaged:
            damaged.seek(start)
            damaged.write(bytes(end - start))
        check(path, sample, touched(sample, file, start, end), f"{file} from {start} to {end}")


def test_the_salvage_is_told_and_the_damaged_files_are_kept(
    sample: Sample, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = sample.copy(tmp_path / "home")
    before = path.read_bytes()
    path.write_bytes(b"X" + before[1:])
    journal = Journal(path)
    assert rows_of(journal) == sample.bodies
    assert journal.journal_id == sample.journal_id
    assert journal.duplicates() == 2
    said = journal.salvaged()
    assert said is not None
    assert (said["rows"], said["lost"]) == (120, 0)
    assert said["why"] == "it does not begin as a journal does"
    assert (path.parent / said["damaged_file"]).read_bytes() == b"X" + before[1:]
    assert (path.parent / (said["damaged_file"] + "-wal")).exists()
    assert "is damaged" in caplog.text
    assert "is salvaged: 120 rows are there, 0 of those not yet loaded are lost" in caplog.text
    journal.close()


def test_writers_and_readers_that_have_it_open_go_on(sample: Sample, tmp_path: Path, quiet: None) -> None:
    path = sample.copy(tmp_path / "home")
    the_writer, journal, other = Writer(path, 100 * MB, same), Journal(path), Journal(path)
    with sqlite3.connect(path) as shell:
        shell.execute("pragma wal_checkpoint(truncate)")
    shell.close()
    the_writer.submit([event(500)]).result(30)
    with path.open("r+b") as damaged:  # a good part of it, under their hands
        damaged.seek(4096)
        damaged.write(os.urandom(4096 * 10))
    rows = rows_of(journal)
    assert rows.items() <= (sample.bodies | {121: event(500).body}).items()
    assert 50 < len(rows) < 121
    assert the_writer.submit([event(501)]).result(30) == [Outcome.ACCEPTED]
    assert rows_of(other) == rows_of(journal) == rows | {122: event(501).body}
    assert len(list(path.parent.glob("journal.damaged-*.sqlite"))) == 1
    # Whoever still had the damaged file open must not take the new one's log away when it closes.
    the_writer.submit([event(502)]).result(30)
    other.close()
    the_writer.close()
    assert rows_of(journal) == rows | {122: event(501).body, 123: event(502).body}
    journal.close()


def test_several_processes_that_meet_the_damage_salvage_it_once(sample: Sample, tmp_path: Path) -> None:
    path = sample.copy(tmp_path / "home")
    with path.open("r+b") as damaged:
        damaged.write(b"nothing")
    script = (
        "import sys; from pathlib import Path; from headwater.journal.journal import Journal; "
        "print(len(Journal(Path(sys.argv[1])).read(0, 1000)))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=30)[0].strip() for process in processes] == [b"120"] * 4
    assert len(list(path.parent.glob("journal.damaged-*.sqlite"))) == 1


def test_lost_rows_are_known_and_do_not_count_as_new_damage(
    sample: Sample, tmp_path: Path, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    log = path.with_name("journal.sqlite-wal")
    log.unlink()
    data = path.read_bytes()
    place = data.index(sample.bodies[20][:32])
    path.write_bytes(data[:place] + b"?" * 32 + data[place + 32 :])
    journal = Journal(path)
    rows = rows_of(journal)
    assert set(range(1, 73)) - set(rows) == {20}
    assert rows_of(journal) == rows
    assert (journal.salvaged() or {})["lost"] == 1
    assert len(list(path.parent.glob("journal.damaged-*.sqlite"))) == 1
    journal.close()


def test_loaded_rows_keep_their_numbers_when_the_log_is_lost(
    sample: Sample, tmp_path: Path, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    journal = Journal(path)
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        shutil.copy(sample.folder / name, tmp_path / name)
    journal.note_loaded(118)
    journal.close()
    shutil.copy(tmp_path / "journal.sqlite", path)  # as it was, and without its log
    path.with_name("journal.sqlite-wal").unlink(missing_ok=True)
    the_writer = Writer(path, 100 * MB, same)
    the_writer.submit([event(700)]).result(30)
    the_writer.close()
    journal = Journal(path)
    # The engine reads on from 118: a row that came as number 73 would never be seen.
    assert [row.body for row in journal.read(118, 10)] == [event(700).body]
    journal.close()


def test_a_salvage_that_is_killed_is_finished_by_the_next(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    class Killed(BaseException):
        pass

    steps = 0
    plain = os.rename

    for stop_at in range(1, 6):
        path = sample.copy(tmp_path / "home")
        with path.open("r+b") as damaged:
            damaged.write(b"nothing")
        steps = 0

        def rename(self: Path, target: Path, stop_at: int = stop_at) -> Path:
            nonlocal steps
            steps += 1
            if steps == stop_at:
                raise Killed
            plain(self, target)
            return target

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            try:
                Journal(path).close()
                break
            except Killed:
                pass
        journal = Journal(path)
        assert rows_of(journal) == sample.bodies, f"killed before rename {stop_at}"
        # The new file's own words, on a page that the old log would have put back.
        assert (journal.salvaged() or {})["rows"] == 120, f"killed before rename {stop_at}"
        # And that was the only salvage: a second one would have mended what the old log had done.
        assert len(list(path.parent.glob("journal.damaged-*.sqlite"))) <= 1, f"killed before rename {stop_at}"
        journal.close()
    assert stop_at == 5  # four renames, and each was stopped once


def test_without_room_for_a_salvage_nothing_is_touched(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    with path.open("r+b") as damaged:
        damaged.write(b"nothing")
    before = {file.name: file.read_bytes() for file in path.parent.glob("journal.sqlite*")}
    real = os.statvfs(tmp_path)
    with monkeypatch.context() as patch:
        full = os.statvfs_result((real.f_bsize, real.f_frsize, real.f_blocks, 0, 0, *tuple(real)[5:]))
        patch.setattr(salvage.os, "statvfs", lambda _: full)
        with pytest.raises(DiskFull, match="no room to salvage"):
            Journal(path)
    assert {file.name: file.read_bytes() for file in path.parent.glob("journal.sqlite*")} == before
    journal = Journal(path)
    assert rows_of(journal) == sample.bodies
    journal.close()


def test_another_database_in_its_place_is_moved_aside(tmp_path: Path, quiet: None) -> None:
    path = tmp_path / "journal.sqlite"
    shell = sqlite3.connect(path)
    shell.execute("create table mine (a)")
    shell.commit()
    shell.close()
    journal = Journal(path)
    assert journal.last_seq() == 0
    (aside,) = tmp_path.glob("journal.damaged-*.sqlite")
    assert sqlite3.connect(aside).execute("select count(*) from mine").fetchone() == (0,)
    assert json.dumps(journal.salvaged())
    journal.close()


def test_damage_that_a_salvage_does_not_end_is_an_error_and_no_loop(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    journal = Journal(path)
    monkeypatch.setattr("headwater.journal.journal.checksum", lambda values: -1)  # a machine that reads wrong
    with pytest.raises(JournalDamaged, match="damaged again after a salvage"):
        journal.read(0, 10)
    assert len(list(path.parent.glob("journal.damaged-*.sqlite"))) == 1
    monkeypatch.undo()
    assert rows_of(journal) == sample.bodies
    journal.close()


def test_pruned_rows_stay_away_after_a_salvage(sample: Sample, tmp_path: Path, quiet: None) -> None:
    path = sample.copy(tmp_path / "home")
    journal = Journal(path)
    assert journal.prune(60, 1 << 60, 1000) == 60
    journal.close()
    data = path.read_bytes()
    assert not any(sample.bodies[seq][:64] in data for seq in range(1, 61))
    with path.open("r+b") as damaged:
        damaged.write(b"X")
    journal = Journal(path)
    assert rows_of(journal) == {seq: body for seq, body in sample.bodies.items() if seq > 60}
    assert (journal.salvaged() or {})["lost"] == 0
    journal.close()


def test_numbers_go_on_when_the_journal_has_lost_what_it_says_of_itself(
    sample: Sample, tmp_path: Path, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    Journal(path).close()  # all of it is in the file now
    data = path.read_bytes()
    assert b"last_seq" in data
    path.write_bytes(data.replace(b"last_seq", b"?" * 8))
    journal = Journal(path)
    assert journal.last_seq() == 120
    assert rows_of(journal) == sample.bodies
    journal.close()


def test_numbers_go_on_when_all_is_pruned_and_the_counter_is_hit(tmp_path: Path, quiet: None) -> None:
    path = tmp_path / "journal.sqlite"
    the_writer = Writer(path, 100 * MB, same)
    the_writer.submit([event(number) for number in range(10)]).result(30)
    the_writer.close()
    journal = Journal(path)
    assert journal.prune(10, 1 << 60, 100) == 10
    journal.close()
    path.write_bytes(path.read_bytes().replace(b"last_seq", b"?" * 8))
    the_writer = Writer(path, 100 * MB, same)
    the_writer.submit([event(20)]).result(30)
    the_writer.close()
    journal = Journal(path)
    assert [row.body for row in journal.read(10, 10)] == [
        event(20).body
    ]  # and not as number 1, below the engine
    journal.close()


def test_rows_that_cannot_be_brought_back_at_once_are_later(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    path = sample.copy(tmp_path / "home")
    log = path.with_name("journal.sqlite-wal")
    with log.open("r+b") as damaged:  # in the first frame: SQLite will forget all that follow
        damaged.seek(32 + 24 + 2000)
        damaged.write(b"damaged")
    file = journal_file.JournalFile(path)
    with monkeypatch.context() as patch:
        patch.setattr(
            journal_file, "bring_back", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("no"))
        )
        patch.setattr(journal_file, "_is_damage", lambda error: False)
        with pytest.raises(JournalUnavailable):
            file.ask(lambda connection: None)
    rows = file.ask(lambda connection: connection.execute("select count(*) from arrivals").fetchone()[0])
    assert rows > 110
    file.close()


def test_rows_survive_where_no_page_leads_to_them(sample: Sample, tmp_path: Path, quiet: None) -> None:
    path = sample.copy(tmp_path / "home")
    Journal(path).close()  # all of it is in the file now
    data = bytearray(path.read_bytes())
    start = data.index(sample.bodies[20][:32]) // 4096 * 4096
    assert data[start] == 0x0D  # a leaf: its kind and its directory go, its rows stay
    data[start : start + 8] = b"?" * 8
    path.write_bytes(data)
    journal = Journal(path)
    assert rows_of(journal) == sample.bodies
    assert (journal.salvaged() or {})["lost"] == 0
    journal.close()
