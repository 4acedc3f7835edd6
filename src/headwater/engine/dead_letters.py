"""Dead letters: what was refused, and how it comes in after all once the reason is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headwater.collect.again import read_again
from headwater.engine.books import microseconds
from headwater.errors import QueryError, UsageError
from headwater.journal.arrival import Arrival
from headwater.originals import sent
from headwater.settings import Settings
from headwater.sources.again import batch_again
from headwater.sources.canonical import open_connection
from headwater.sources.journal import batch
from headwater.warehouse.bound import Bound
from headwater.warehouse.protocol import EventBatch, Reader, Warehouse

COLUMNS = "dead_letter_id, refused_at, reason, detail, origin, line, attempts, original"
ORIGIN = "replay"
STREAMED, LOADED = "events_streaming", "ga4_events_raw"
AT_ONCE = 500

Letter = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """Which letters are meant: all that fit every filter that is given."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    since: str | None = None
    until: str | None = None

    def condition(self, bound: Bound) -> str:
        parts = ["true"]
        if self.ids:
            begins = [f"starts_with(dead_letter_id, {bound(_checked(one))})" for one in self.ids]
            parts.append(f"({' or '.join(begins)})")
        if self.reason:
            parts.append(f"reason = {bound(self.reason)}")
        if self.since:
            parts.append(f"refused_at >= {bound(_moment(self.since))}")
        if self.until:
            parts.append(f"refused_at < {bound(_moment(self.until))}")
        return " and ".join(parts)


@dataclass(frozen=True)
class Replayed:
    """What became of letters that were tried again; those still refused stay where they are."""

    loaded: int
    duplicates: int
    still_refused: int
    reasons: dict[str, int]


def letters(reader: Reader, chosen: Chosen, limit: int | None = None) -> list[Letter]:
    """Newest first."""
    bound = Bound()
    where = f"where {chosen.condition(bound)} order by refused_at desc, dead_letter_id"
    cut = f"limit {bound(limit)}" if limit is not None else ""
    return list(bound.run(reader, f"select {COLUMNS} from dead_letters {where} {cut}").to_pylist())


def counts(reader: Reader, chosen: Chosen) -> dict[str, int]:
    """How many there are for each reason."""
    bound = Bound()
    sql = f"select reason, count(*) as n from dead_letters where {chosen.condition(bound)} group by reason"
    return {row["reason"]: row["n"] for row in bound.run(reader, sql).to_pylist()}


def drop(warehouse: Warehouse, chosen: Chosen) -> int:
    bound = Bound()
    with warehouse.appending():
        dropped = sum(counts(warehouse, chosen).values())
        bound.execute(warehouse, f"delete from dead_letters where {chosen.condition(bound)}")
    return dropped


def replay(settings: Settings, warehouse: Warehouse, chosen: Chosen) -> Replayed:
    """Each is read again as its door would read it now. One that lands leaves the dead letters after it has landed:
    a crash in between is repaired by the next replay, which finds a duplicate."""
    total = Replayed(0, 0, 0, {})
    found = letters(warehouse, chosen)
    for first in range(0, len(found), AT_ONCE):
        total = _added(total, _replay_some(settings, warehouse, found[first : first + AT_ONCE]))
    return total


def _replay_some(settings: Settings, warehouse: Warehouse, found: Sequence[Letter]) -> Replayed:
    of_doors: list[tuple[Letter, Sequence[Arrival]]] = []
    of_files: list[Letter] = []
    for letter in found:
        arrivals = read_again(
            settings, letter["origin"], sent(letter["original"]), microseconds(letter["refused_at"])
        )
        if arrivals is None:
            of_files.append(letter)
        else:
            of_doors.append((letter, arrivals))
    good = [(letter, arrivals) for letter, arrivals in of_doors if not any(one.reason for one in arrivals)]
    bad = {
        letter["dead_letter_id"]: next(one.reason or "" for one in arrivals if one.reason)
        for letter, arrivals in of_doors
        if any(one.reason for one in arrivals)
    }
    rows = [_Row(arrival) for _, arrivals in good for arrival in arrivals]
    total = _landed(warehouse, STREAMED, [letter for letter, _ in good], batch(rows, open_connection()))
    events, refused = batch_again([sent(letter["original"]) for letter in of_files])
    bad |= {of_files[place]["dead_letter_id"]: reason for place, reason in refused.items()}
    good_files = [letter for place, letter in enumerate(of_files) if place not in refused]
    total = _added(total, _landed(warehouse, LOADED, good_files, events))
    if bad:
        _count_attempt(warehouse, list(bad))
    for reason in bad.values():
        total = _added(total, Replayed(0, 0, 1, {reason: 1}))
    return total


def _landed(warehouse: Warehouse, table: str, found: Sequence[Letter], events: EventBatch) -> Replayed:
    """Appends the events of these letters; a letter leaves when its event is in."""
    if not found:
        return Replayed(0, 0, 0, {})
    appended = warehouse.append(table, ORIGIN, [events])
    if appended.dead_letters and len(found) > 1:  # which of them conflict is found one by one
        done = Replayed(appended.accepted, -appended.accepted, 0, {})
        for place, letter in enumerate(found):
            one = EventBatch(events.events.slice(place, 1), events.dead_letters.slice(0, 0))
            done = _added(done, _landed(warehouse, table, [letter], one))
        return done
    if appended.dead_letters:
        _count_attempt(warehouse, _ids(found))
        return Replayed(0, 0, len(found), appended.reasons)
    with warehouse.appending():  # one at a time with the sink, which writes into the same rows
        bound = Bound()
        gone = bound.among("dead_letter_id", _ids(found))
        bound.execute(warehouse, f"delete from dead_letters where {gone}")
        if table == STREAMED:
            _move_in_the_books(warehouse, appended.accepted, appended.duplicates)
    return Replayed(appended.accepted, appended.duplicates, 0, {})


class _Row:
    """An arrival as a row of a journal that it has never been in."""

    seq = 0

    def __init__(self, arrival: Arrival) -> None:
        self.body, self.origin, self.received_at = arrival.body, arrival.origin, arrival.received_at
        self.reason, self.detail, self.position = arrival.reason, arrival.detail, arrival.position


def _move_in_the_books(warehouse: Warehouse, loaded: int, duplicates: int) -> None:
    """Of one journal: with several, the one that has refused most recently."""
    warehouse.execute(
        f"""
        update headwater_positions set
            loaded = loaded + {loaded},
            duplicates = duplicates + {duplicates},
            dead_letters = dead_letters - {loaded + duplicates}
        where moved_at = (select max(moved_at) from headwater_positions where dead_letters > 0)
        """
    )


def _added(total: Replayed, more: Replayed) -> Replayed:
    reasons = dict(total.reasons)
    for reason, count in more.reasons.items():
        reasons[reason] = reasons.get(reason, 0) + count
    return Replayed(
        total.loaded + more.loaded,
        total.duplicates + more.duplicates,
        total.still_refused + more.still_refused,
        reasons,
    )


def _count_attempt(warehouse: Warehouse, ids: Sequence[str]) -> None:
    bound = Bound()
    tried = bound.among("dead_letter_id", ids)
    bound.execute(warehouse, f"update dead_letters set attempts = attempts + 1 where {tried}")


def _ids(found: Sequence[Letter]) -> list[str]:
    return [letter["dead_letter_id"] for letter in found]


def _checked(one: str) -> str:
    if not one or not set(one) <= set("0123456789abcdef"):
        raise UsageError(f"{one!r} is no id of a dead letter: `headwater dead-letters list` shows them.")
    return one


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time: write it like 2026-11-21 or 2026-11-21T10:30.") from None
    return (at.astimezone(UTC) if at.tzinfo else at).replace(tzinfo=None)


def one(reader: Reader, wanted: str) -> Letter:
    found = letters(reader, Chosen(ids=(wanted,)), 2)
    if not found:
        raise QueryError(
            f"There is no dead letter {wanted}: `headwater dead-letters list` shows those there are."
        )
    if len(found) > 1:
        raise QueryError(f"More than one dead letter begins with {wanted}: give more of its id.")
    return found[0]
