"""When each event came to be, was received, journaled, loaded, and could be seen in the marts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from headwater.engine.books import microseconds
from headwater.fan_in import Intake
from headwater.warehouse.bound import Bound

if TYPE_CHECKING:
    from headwater.engine.engine import Engine

MOST_EVENTS = 1_000
STAGES = ("generated_at", "received_at", "journaled_at", "loaded_at", "visible_at")

Row = dict[str, Any]


class _Named(msgspec.Struct):
    event_id: str
    stream_id: str


_named = msgspec.json.Decoder(_Named).decode


def trace(engine: "Engine", event_ids: Sequence[str], stream_id: str) -> list[Row]:
    wanted = list(dict.fromkeys(event_ids))[:MOST_EVENTS]
    found = {row["event_id"]: row for row in _in_warehouse(engine, wanted, stream_id)} if wanted else {}
    for event_id, at in _in_journal(engine.journal, found, stream_id).items():
        found[event_id]["journaled_at"] = at
    return [{"event_id": event_id, **_times(found.get(event_id, {}))} for event_id in wanted]


def _in_warehouse(engine: "Engine", event_ids: Sequence[str], stream_id: str) -> list[Row]:
    bound = Bound()
    # what an append was is forgotten in time, what it brought is not
    sql = f"""
        select
            events.event_id,
            events.event_timestamp as generated_at,
            events.received_at,
            batches.appended_at as loaded_at,
            (
                select min(builds.finished_at)
                from headwater_builds as builds
                where builds.from_batch < events.batch_id and builds.to_batch >= events.batch_id
            ) as visible_at
        from events_streaming as events
        left join headwater_batches as batches on batches.batch_id = events.batch_id
        where {bound.among("events.event_id", event_ids)} and events.stream_id = {bound(stream_id)}
    """
    return list(engine.query(sql, bound.values).to_pylist())


def _in_journal(journal: Intake, found: dict[str, Row], stream_id: str) -> dict[str, datetime]:
    """Of those whose rows are still there. A repeat is not kept: it is the first arrival that is stored."""
    received = {event_id: microseconds(row["received_at"]) for event_id, row in found.items()}
    journaled = {}
    for received_at, body, journaled_at in journal.received(received.values()):
        try:
            named = _named(body)
        except msgspec.MsgspecError:  # a refusal
            continue
        if named.stream_id == stream_id and received.get(named.event_id) == received_at:
            journaled[named.event_id] = datetime(1970, 1, 1) + timedelta(microseconds=journaled_at)
    return journaled


def _times(row: Row) -> dict[str, str | None]:
    return {stage: _iso(row.get(stage)) for stage in STAGES}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds") + "Z"
