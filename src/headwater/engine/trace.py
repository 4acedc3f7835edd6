"""When each event came to be, was received, journaled, loaded, and could be seen in the marts."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.engine.engine import Engine

MOST_EVENTS = 1_000


def trace(engine: "Engine", event_ids: Sequence[str], stream_id: str) -> list[dict[str, Any]]:
    wanted = list(dict.fromkeys(event_ids))[:MOST_EVENTS]
    found = {row["event_id"]: row for row in _in_warehouse(engine, wanted, stream_id)} if wanted else {}
    return [{"event_id": event_id, **_times(found.get(event_id))} for event_id in wanted]


def _in_warehouse(engine: "Engine", event_ids: Sequence[str], stream_id: str) -> list[dict[str, Any]]:
    listed = ", ".join(quoted(event_id) for event_id in event_ids)
    return list(
        engine.query(
            f"""
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
            inner join headwater_batches as batches on batches.batch_id = events.batch_id
            where events.event_id in ({listed}) and events.stream_id = {quoted(stream_id)}
            """
        ).to_pylist()
    )


def _times(row: dict[str, Any] | None) -> dict[str, str | None]:
    stages = ("generated_at", "received_at", "loaded_at", "visible_at")
    return {stage: _iso(row[stage]) if row else None for stage in stages}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds") + "Z"


def quoted(text: str) -> str:
    """As a literal of standard SQL; a NUL is in no stored text."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"
