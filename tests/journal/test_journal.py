"""The journal against a model in plain Python: what goes in comes out, once and in order."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal.arrivals import MB, event, everything, refused, same

from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.journal import Journal
from headwater.journal.writer import Writer


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


def test_it_knows_the_latest_receipt(path: Path) -> None:
    journal, one = Journal(path), Writer(path, 100 * MB, same)
    assert journal.last_received_at() is None
    said = [msgspec.structs.replace(event(number), received_at=at) for number, at in enumerate((5, 9, 7))]
    one.submit(said[:2]).result()
    one.submit(said[2:]).result()
    assert journal.last_received_at() == 9
    one.close()
    journal.close()
