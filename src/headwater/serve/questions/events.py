"""What has come in last."""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.filters import DIMENSIONS, Filters
from headwater.warehouse.protocol import RAW_TABLES, Reader

LOOKED_AT = 2000  # of the newest events, where filters leave some out
RECENT = timedelta(hours=1)  # in which most visits began that go on now
_BATCHES = 500  # of the newest ones, that are looked at: however large the warehouse is


@dataclass(frozen=True)
class Touch:
    touch_at: datetime
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None
    person_id: str


def events(reader: Reader, build_id: int, filters: Filters, limit: int) -> pa.Table:
    """The newest events of the build, each with its person and the channel that its device came by last. Filters pick
    from the newest few thousand."""
    is_narrowed = filters.event_name or filters.narrows_credits
    newest = _newest(reader, build_id, filters, max(limit, LOOKED_AT) if is_narrowed else limit)
    if not filters.narrows_credits:
        newest = newest.slice(0, limit)
    found = newest.select(["device_id", "event_at"]).to_pylist()
    touches = _touches(reader, found)
    places: list[int] = []
    persons, channels = [], []
    for place, row in enumerate(found):
        of_device = touches[row["device_id"]]
        before = bisect_right(of_device, row["event_at"], key=lambda touch: touch.touch_at)
        last = of_device[before - 1] if before else None
        if _fits(last, filters) and len(places) < limit:
            places.append(place)
            persons.append(pseudonym(of_device[-1].person_id if of_device else row["device_id"]))
            channels.append(last.channel if last else None)
    told = newest.take(pa.array(places, pa.int64())).drop_columns(["device_id"])
    told = told.add_column(4, "person", pa.array(persons, pa.string()))
    return told.add_column(5, "channel", pa.array(channels, pa.string()))


def _fits(touch: Touch | None, filters: Filters) -> bool:
    """Of the touch that its device came by last; '' stands for: not set."""
    return all(
        not wanted or ((getattr(touch, name) if touch else None) or "") in wanted
        for name in DIMENSIONS
        for wanted in (getattr(filters, name),)
    )


def pseudonym(person_id: str) -> str:
    return hashlib.md5(person_id.encode(), usedforsecurity=False).hexdigest()[:12]


def _newest(reader: Reader, build_id: int, filters: Filters, limit: int) -> pa.Table:
    oldest, since = _oldest_batch(reader, build_id, limit)
    bound = Bound()
    not_older = f" and event_timestamp >= {bound(since)}" if since else ""
    columns = (
        "event_id, event_timestamp as event_at, received_at, event_name, device_id, source_kind, "
        "page_location as page, value, currency"
    )
    newest = " union all ".join(
        f"select {columns}, batch_id from {table} where batch_id between {bound(oldest)} and "
        f"(select max(to_batch) from headwater_builds where build_id <= {bound(build_id)}){not_older}"
        + "".join(f" and {part}" for part in bound.one_of("event_name", filters.event_name))
        for table in RAW_TABLES
    )
    sql = f"""
        select * from ({newest}) as newest
        order by batch_id desc, event_at desc, event_id
        limit {bound(limit)}
    """
    return bound.run(reader, sql).drop_columns(["batch_id"])


def _touches(reader: Reader, newest: Sequence[dict[str, Any]]) -> dict[str, list[Touch]]:
    """Those of each device from the one before its first event on, in order. Most visits have begun a moment ago: only
    for the others are all touches looked at, which on DuckDB have no index."""
    first: dict[str, datetime] = {}
    for row in newest:
        first[row["device_id"]] = min(row["event_at"], first.get(row["device_id"], datetime.max))
    if not first:
        return {}
    since = max(min(first.values()), datetime.min + RECENT) - RECENT
    touches = _touches_of(reader, sorted(first), since)
    rest = sorted(
        device for device, at in first.items() if not touches[device] or touches[device][0].touch_at > at
    )
    return touches | _touches_of(reader, rest, datetime.min) if rest else touches


def _touches_of(reader: Reader, devices: Sequence[str], since: datetime) -> dict[str, list[Touch]]:
    """The devices stand in the statement: a join would be made with all there are."""
    bound = Bound()
    touches: dict[str, list[Touch]] = {device: [] for device in devices}
    for row in bound.run(
        reader,
        f"""select device_id, touch_at, channel, source, medium, campaign, person_id from int_touchpoints
        where touch_at >= {bound(since)} and {bound.among("device_id", devices)}
        order by touch_at, touchpoint_id""",
    ).to_pylist():
        touches[row.pop("device_id")].append(Touch(**row))
    return touches


def _oldest_batch(reader: Reader, build_id: int, limit: int) -> tuple[int, datetime | None]:
    """The one with which there are enough events; counting a file's events would be reading them all. And the first
    moment of all from it on, before which a warehouse need not look: None where an older version has not noted it."""
    bound = Bound()
    found = bound.run(
        reader,
        f"""
        select batch_id, accepted, first_event_at from headwater_batches
        where batch_id <= (select max(to_batch) from headwater_builds where build_id <= {bound(build_id)})
            and accepted > 0
        order by batch_id desc
        limit {_BATCHES}
        """,
    ).to_pylist()
    so_far, oldest, moments = 0, 0, []
    for row in found:
        so_far, oldest = so_far + row["accepted"], int(row["batch_id"])
        moments.append(row["first_event_at"])
        if so_far >= limit:
            break
    return oldest, None if None in moments or not moments else min(moments)
