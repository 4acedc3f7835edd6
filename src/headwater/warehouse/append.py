"""Appends batches exactly once: the same statements on every engine, settled in one transaction.

`incoming` is a temporary table with RAW_SCHEMA and `position`, the row's place in the order of arrival; `refused` one
with DEAD_LETTER_SCHEMA. What counts as a repeat is told in docs/attribution.md, "One day from two sources"."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Protocol

import numpy as np
import pyarrow as pa

from headwater.errors import HeadwaterError, WarehouseLocked
from headwater.event import CANONICAL_SCHEMA, DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.warehouse.protocol import RAW_TABLES, Appended, EventBatch, Mark

COLUMNS = ", ".join(RAW_SCHEMA.names)

# not when it arrived: the same conflict, brought again by the same file, is the same dead letter
WHAT_AN_EVENT_SAYS = [name for name in CANONICAL_SCHEMA.names if name != "received_at"]

# A row is stored beside an equal id only if its kind outranks all kinds that are there: a file's row never does, and
# where one came first nothing does. A file's row that came later is not stored, and so has no say in what is.
RANK = "case source_kind when 'export_daily' then 3 when 'export_intraday' then 2 when 'stream' then 1 else 0 end"
RANK_ONCE_STORED = f"case when source_kind <> 'file' then {RANK} when place = 1 then 9 else 0 end"


# `not in` would be looked up row by row on PostgreSQL once the repeats no longer fit its memory
IS_NEW = "not exists (select 1 from repeats where repeats.position = incoming.position)"


IS_INCOMING = """
    exists (
        select 1 from incoming where incoming.event_id = stored.event_id and incoming.stream_id = stored.stream_id
    )
"""


def find_repeats(bounds: tuple[object, object] | None, only: Callable[[str, str, str], str]) -> list[str]:
    """Fills the temporary table `repeats`: (position, is_conflict) of each incoming row that is not to be stored.

    The answer is that of taking the rows one by one: it does not depend on how they are cut into appends.
    `bounds` are the first and the last moment of history in which an equal id can lie, where that is known."""
    within = ""
    if bounds:  # as literals, so that an engine can pass over the rest of history
        within = f"and stored.event_timestamp between timestamp '{bounds[0]}' and timestamp '{bounds[1]}'"
    stored = " union all ".join(
        f"""
        select
            stored.stream_id, stored.event_id, stored.event_timestamp, stored.source_kind, stored.payload_hash,
            -1 as position
        from {table} as stored
        where {only(table, "stored", IS_INCOMING + within)}
        """
        for table in RAW_TABLES
    )
    return [
        f"create temporary table known as {stored}",
        f"""
        create temporary table judged as
        with doubtful as (
            select stream_id, event_id from known
            union all
            select stream_id, event_id from incoming group by stream_id, event_id having count(*) > 1
        ),
        arrivals as (
            select stream_id, event_id, event_timestamp, source_kind, payload_hash, position from known
            union all
            select stream_id, event_id, event_timestamp, source_kind, payload_hash, position
            from incoming
            where exists (
                select 1 from doubtful
                where doubtful.event_id = incoming.event_id and doubtful.stream_id = incoming.stream_id
            )
        ),
        placed as (
            select *, row_number() over (partition by stream_id, event_id order by position) as place
            from arrivals
        )
        select
            stream_id, event_id, payload_hash, position,
            position >= 0 and coalesce(
                {RANK} <= max({RANK_ONCE_STORED}) over (
                    partition by stream_id, event_id order by place rows between unbounded preceding and 1 preceding
                )
                -- one id at two times would count on both days
                or event_timestamp <> first_value(event_timestamp) over (
                    partition by stream_id, event_id order by place
                ),
                false
            ) as is_repeat
        from placed
        """,
        """
        create temporary table repeats as
        select
            later.position,
            max(case when earlier.payload_hash = later.payload_hash then 1 else 0 end) = 0 as is_conflict
        from judged as later
        join judged as earlier
            on earlier.event_id = later.event_id
            and earlier.stream_id = later.stream_id
            and earlier.position < later.position
        where later.is_repeat and not earlier.is_repeat
        group by later.position
        """,
    ]


def store(table: str, batch_id: int | str, engine: "Words") -> list[str]:
    """Moves what is new from `incoming` to `table`, conflicts to `refused`, and `refused` to the dead letters.

    `batch_id` may be the name of a variable, where the engine has them."""
    return [
        f"""
        insert into refused (origin, reason, detail, original)
        select
            (select max(origin) from origin_of_batch), 'id_conflict',
            'an event with this stream_id and event_id came first, and its content differs',
            {engine.row_as_json(WHAT_AN_EVENT_SAYS)}
        from incoming
        where position in (select position from repeats where is_conflict)
        """,
        f"""
        insert into {table} ({COLUMNS}, batch_id)
        select {COLUMNS}, {batch_id}
        from incoming
        where {IS_NEW}
        order by position
        """,
        f"""
        insert into headwater_coverage
        select distinct stream_id, source_kind, {engine.quarter_hour("event_timestamp")}, {batch_id}
        from incoming
        where source_kind in ('export_daily', 'export_intraday')
            and {IS_NEW}
        """,
    ]


KEEP_REFUSED = """
    insert into dead_letters (dead_letter_id, origin, line, reason, detail, original, refused_at)
    select dead_letter_id, origin, line, reason, detail, original, refused_at
    from (
        select
            *,
            row_number() over (partition by dead_letter_id order by line) as repeat
        from (
            select
                *,
                md5(concat(reason, '|', coalesce(cast(line as varchar), ''), '|', original)) as dead_letter_id,
                {now} as refused_at
            from refused
        ) as hashed
    ) as numbered
    where repeat = 1
        and not exists (select 1 from dead_letters as kept where kept.dead_letter_id = numbered.dead_letter_id)
"""


class Words(Protocol):
    """What engines say differently in the statements of an append."""

    NOW: str

    def row_as_json(self, columns: Sequence[str]) -> str: ...
    def quarter_hour(self, timestamp: str) -> str: ...


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


INCOMING_SCHEMA = RAW_SCHEMA.append(pa.field("position", pa.int64(), nullable=False))
TEMPORARY = ("incoming", "refused", "known", "judged", "repeats", "origin_of_batch")


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


def moved_by_another(position: int, mark: Mark) -> WarehouseLocked:
    return WarehouseLocked(
        f"Another headwater has loaded this journal up to event {position:,} (this one was at {mark.after:,}): "
        "stop one of the two."
    )


def move_position(
    mark: Mark, now: str, accepted: int | str, duplicates: int | str, dead_letters: int | str
) -> list[str]:
    """The counts may be names of variables, where the engine has them."""
    first = f"insert into headwater_positions values ('{mark.journal_id}', 0, 0, 0, 0, {now})"
    moved = f"""
        update headwater_positions set
            position = {mark.upto},
            loaded = loaded + {accepted},
            duplicates = duplicates + {duplicates},
            dead_letters = dead_letters + {dead_letters},
            moved_at = {now}
        where journal_id = '{mark.journal_id}'
        """
    return [moved] if mark.after else [first, moved]


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
