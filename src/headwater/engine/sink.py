"""Loads the journal into the warehouse: each row once, since the journal's position moves with the rows."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from headwater.collect.canon import OWN_ID
from headwater.errors import QueryError, TransientError
from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.journal.journal import Journal, Row
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
    def __init__(self, journal: Journal, warehouse: Warehouse) -> None:
        self._journal = journal
        self._opened_from = warehouse
        self._warehouse = warehouse.another()
        self._connection: duckdb.DuckDBPyConnection = open_connection()
        self._position: int | None = None  # where it is not sure, the warehouse is asked

    def step(self) -> Loaded | None:
        """Loads what waits, as much as goes into one append; None where nothing waits."""
        try:
            after = self._sure_position()
            rows = self._journal.read(after, MOST_ROWS)
            if not rows:
                return None
            appended = self._load(rows)
        except Exception as error:
            self._position = None  # whether the last transaction was committed is not known
            if isinstance(error, TransientError):
                self._connect_anew()
            raise
        self._journal.note_loaded(rows[-1].seq)
        return Loaded(rows, appended, time.time_ns() // 1000)

    def _connect_anew(self) -> None:
        old, self._warehouse = self._warehouse, self._opened_from.another()
        old.close()

    def _sure_position(self) -> int:
        if self._position is None:
            self._position = position_of(self._warehouse, self._journal.journal_id)
            self._journal.note_loaded(self._position)
        return self._position

    def _load(self, rows: Sequence[Row]) -> Appended:
        try:
            return self._append(batch(rows, self._connection), rows)
        except UNFIT as error:
            self._append_nothing()  # fails where the warehouse itself is the trouble
            if len(rows) == 1:
                return self._bury(rows[0], error)
        middle = len(rows) // 2
        return together(self._load(rows[:middle]), self._load(rows[middle:]))

    def _append(self, events: EventBatch, rows: Sequence[Row]) -> Appended:
        mark = Mark(self._journal.journal_id, self._sure_position(), rows[-1].seq)
        computed = not any(row.body.startswith(HAS_OWN_ID) for row in rows)
        appended = self._warehouse.append(TABLE, ORIGIN, [events], ids_are_computed=computed, mark=mark)
        self._position = mark.upto
        return appended

    def _append_nothing(self) -> None:
        nothing = EventBatch(RAW_SCHEMA.empty_table(), DEAD_LETTER_SCHEMA.empty_table())
        self._warehouse.append(TABLE, ORIGIN, [nothing])

    def _bury(self, row: Row, error: Exception) -> Appended:
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
        return self._append(EventBatch(RAW_SCHEMA.empty_table(), letters), [row])


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
