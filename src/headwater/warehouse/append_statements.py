"""What an append says to its warehouse: the same statements on every engine.

`incoming` is a temporary table with RAW_SCHEMA and `position`, the row's place in the order of arrival; `refused` one
with DEAD_LETTER_SCHEMA. What counts as a repeat is told in docs/attribution.md, "One day from two sources"."""

from collections.abc import Callable, Sequence
from typing import Protocol

import pyarrow as pa

from headwater.errors import WarehouseLocked
from headwater.event import CANONICAL_SCHEMA, RAW_SCHEMA
from headwater.warehouse.protocol import RAW_TABLES, Mark

INCOMING_SCHEMA = RAW_SCHEMA.append(pa.field("position", pa.int64(), nullable=False))
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
