"""Appends batches exactly once: the same statements on every engine, settled in one transaction."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from typing import Protocol

import numpy as np
import pyarrow as pa

from headwater.errors import HeadwaterError
from headwater.event import DEAD_LETTER_SCHEMA
from headwater.warehouse.append_statements import (
    INCOMING_SCHEMA,
    KEEP_REFUSED,
    Words,
    find_repeats,
    move_position,
    moved_by_another,
    store,
)
from headwater.warehouse.protocol import Appended, EventBatch, Mark

TEMPORARY = ("incoming", "refused", "known", "judged", "repeats", "origin_of_batch")


class Engine(Words, Protocol):
    """What `append` needs of an engine besides `execute` and `query`."""

    def execute(self, sql: str) -> None: ...
    def query(self, sql: str) -> pa.Table: ...
    def insert(self, table: str, rows: pa.Table) -> None: ...
    def appending(self) -> AbstractContextManager[None]: ...
    def rows_where(self, table: str, alias: str, condition: str) -> str: ...
    def create_temporary(self, table: str, schema: pa.Schema) -> None: ...


class NothingNew(Exception):  # noqa: N818
    """Rolls an append back that would add nothing, so that a repeat leaves no trace."""


def append(
    engine: Engine,
    table: str,
    origin: str,
    batches: Iterable[EventBatch],
    *,
    ids_are_computed: bool = False,
    mark: Mark | None = None,
) -> Appended:
    """Stages the rows, which may take long and holds nobody up; then settles them, quickly and alone."""
    appended = Appended(0, 0, 0)
    try:
        engine.create_temporary("incoming", INCOMING_SCHEMA)
        engine.create_temporary("refused", DEAD_LETTER_SCHEMA)
        engine.create_temporary("origin_of_batch", pa.schema([("origin", pa.string())]))
        engine.insert("origin_of_batch", pa.table({"origin": [origin]}))
        rows = stage(engine, batches)
        with engine.appending():
            if mark:
                check_position(engine, mark)
            appended, kept = settle(engine, table, origin, rows, ids_are_computed)
            if mark:
                counts = appended.accepted, appended.duplicates, appended.dead_letters
                for statement in move_position(mark, engine.NOW, *counts):
                    engine.execute(statement)
            elif not kept:
                raise NothingNew
    except NothingNew:
        pass
    finally:
        drop_temporary(engine)
    return appended


def drop_temporary(engine: Engine) -> None:
    with suppress(HeadwaterError):  # where the connection is gone, so are they
        for name in TEMPORARY:
            engine.execute(f"drop table if exists {name}")


def check_position(engine: Engine, mark: Mark) -> None:
    """Two that load from one journal would each take the same rows: the second one is told before it has done any."""
    found = engine.query(f"select position from headwater_positions where journal_id = '{mark.journal_id}'")
    position = found["position"][0].as_py() if found.num_rows else 0
    if position != mark.after:
        raise moved_by_another(position, mark)


def stage(engine: Engine, batches: Iterable[EventBatch]) -> int:
    rows = 0
    for batch in batches:
        position = pa.array(np.arange(rows, rows + batch.events.num_rows))
        engine.insert("incoming", batch.events.append_column(INCOMING_SCHEMA.field("position"), position))
        if batch.dead_letters.num_rows:
            engine.insert("refused", batch.dead_letters)
        rows += batch.events.num_rows
    return rows


def settle(
    engine: Engine, table: str, origin: str, rows: int, ids_are_computed: bool
) -> tuple[Appended, bool]:
    """Decides on every staged row; also says whether the warehouse holds anything that it did not before."""

    def number(sql: str) -> int:
        return int(engine.query(sql).column(0)[0].as_py())

    moments = engine.query("select min(event_timestamp) as first, max(event_timestamp) as last from incoming")
    [(first, last)] = [tuple(moment.values()) for moment in moments.to_pylist()]
    # an equal id means an equal timestamp
    bounds = (first, last) if ids_are_computed and rows else None
    for statement in find_repeats(bounds, engine.rows_where):
        engine.execute(statement)
    repeats = number("select count(*) from repeats")
    # not all of this reason: the door has found others
    conflicts = number("select count(*) from repeats where is_conflict")
    batch_id = number("select coalesce(max(batch_id), 0) + 1 from headwater_batches")
    for statement in store(table, batch_id, engine):
        engine.execute(statement)
    before = number("select count(*) from dead_letters")
    engine.execute(KEEP_REFUSED.format(now=engine.NOW))
    kept_letters = number("select count(*) from dead_letters") - before
    by_reason = engine.query("select reason, count(*) as n from refused group by reason order by reason")
    reasons = dict(zip(by_reason["reason"].to_pylist(), map(int, by_reason["n"].to_pylist()), strict=True))
    accepted, duplicates = rows - repeats, repeats - conflicts
    if accepted or kept_letters:
        engine.insert(
            "headwater_batches",
            pa.table(
                {
                    "batch_id": [batch_id],
                    "table_name": [table],
                    "origin": [origin],
                    "accepted": [accepted],
                    "duplicates": [duplicates],
                    "dead_letters": [sum(reasons.values())],
                    "appended_at": engine.query(f"select {engine.NOW} as now")["now"],
                    "first_event_at": moments["first"],
                    "last_event_at": moments["last"],
                }
            ),
        )
    return Appended(accepted, duplicates, sum(reasons.values()), reasons), bool(accepted or kept_letters)
