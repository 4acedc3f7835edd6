"""Loads the journal into the warehouse: each row once, since the journal's position moves with the rows."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from headwater.collect.canon import OWN_ID
from headwater.errors import QueryError, TransientError
from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.fan_in import Intake
from headwater.fan_in.intake import Part
from headwater.journal.journal import Row
from headwater.originals import kept
from headwater.sources.canonical import open_connection
from headwater.sources.journal import ORIGIN, batch
from headwater.warehouse.protocol import Appended, EventBatch, Mark, Warehouse

TABLE = "events_streaming"
MOST_ROWS = 20_000  # in one append: after an outage the journal drains in pieces of this size
UNFIT = (QueryError, duckdb.Error, pa.ArrowException, UnicodeDecodeError)  # the rows may be at fault
POISON = "poison"  # reason of what no check has foreseen and no warehouse takes

HAS_OWN_ID = b"{" + OWN_ID

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """Rows that are in the warehouse now, with the times of which the latencies are made."""

    rows: Sequence[Row]
    appended: Appended
    loaded_at: int  # microseconds since 1970


class Sink:
    """Each part of a journal has a position of its own, and each append brings rows of one part."""

    def __init__(self, journal: Intake, warehouse: Warehouse) -> None:
        self._journal = journal
        self._opened_from = warehouse
        self._warehouse = warehouse.another()
        self._connection: duckdb.DuckDBPyConnection = open_connection()
        self._positions: dict[str, int] = {}  # where one is not sure, the warehouse is asked

    def step(self) -> Loaded | None:
        """Loads what waits in a part, as much as goes into one append; None where nothing waits in any."""
        return next(self.steps(), None)

    def steps(self) -> Iterator[Loaded]:
        """Loads what waits in each of the parts, as much as goes into one append."""
        for part in self._journal.parts():
            if loaded := self._step(part):
                yield loaded

    def close(self) -> None:
        self._warehouse.close()
        self._connection.close()

    def _step(self, part: Part) -> Loaded | None:
        try:
            after = self._sure_position(part)
            rows = part.read(after, MOST_ROWS)
            if not rows:
                return None
            appended = self._load(part, rows)
        except Exception as error:
            self._positions.clear()  # whether the last transaction was committed is not known
            if isinstance(error, TransientError):
                self._connect_anew()
            raise
        part.note_loaded(rows[-1].seq)
        return Loaded(rows, appended, time.time_ns() // 1000)

    def _connect_anew(self) -> None:
        old, self._warehouse = self._warehouse, self._opened_from.another()
        old.close()

    def _sure_position(self, part: Part) -> int:
        if part.journal_id not in self._positions:
            position = position_of(self._warehouse, part.journal_id)
            part.resume_at(position)
            self._positions[part.journal_id] = position
        return self._positions[part.journal_id]

    def _load(self, part: Part, rows: Sequence[Row]) -> Appended:
        try:
            return self._append(part, batch(rows, self._connection), rows)
        except UNFIT as error:
            self._append_nothing()  # fails where the warehouse itself is the trouble
            if len(rows) == 1:
                return self._bury(part, rows[0], error)
        middle = len(rows) // 2
        return together(self._load(part, rows[:middle]), self._load(part, rows[middle:]))

    def _append(self, part: Part, events: EventBatch, rows: Sequence[Row]) -> Appended:
        mark = Mark(part.journal_id, self._sure_position(part), rows[-1].seq)
        computed = not any(row.body.startswith(HAS_OWN_ID) for row in rows)
        appended = self._warehouse.append(TABLE, ORIGIN, [events], ids_are_computed=computed, mark=mark)
        self._positions[part.journal_id] = mark.upto
        return appended

    def _append_nothing(self) -> None:
        nothing = EventBatch(RAW_SCHEMA.empty_table(), DEAD_LETTER_SCHEMA.empty_table())
        self._warehouse.append(TABLE, ORIGIN, [nothing])

    def _bury(self, part: Part, row: Row, error: Exception) -> Appended:
        # what the error says may quote what the event says, and that is for nobody who reads a log
        kind = type(error).__name__
        _log.error("event %d of the journal cannot be loaded (%s) and is a dead letter now.", row.seq, kind)
        letter = {
            "origin": [row.origin],
            "line": [row.seq],
            "reason": [POISON],
            "detail": [f"no check has foreseen it, and the warehouse does not take it: {kind}"],
            "original": [kept(row.body)],
        }
        letters = pa.table(letter).cast(DEAD_LETTER_SCHEMA)
        return self._append(part, EventBatch(RAW_SCHEMA.empty_table(), letters), [row])


def position_of(warehouse: Warehouse, journal_id: str) -> int:
    found = warehouse.query("select position from headwater_positions where journal_id = $1", [journal_id])
    return int(found["position"][0].as_py()) if found.num_rows else 0


def together(first: Appended, second: Appended) -> Appended:
    reasons = dict(first.reasons)
    for reason, count in second.reasons.items():
        reasons[reason] = reasons.get(reason, 0) + count
    return Appended(
        first.accepted + second.accepted,
        first.duplicates + second.duplicates,
        first.dead_letters + second.dead_letters,
        reasons,
    )
