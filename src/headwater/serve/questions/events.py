"""What has come in last."""

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.warehouse.protocol import RAW_TABLES, Reader

_BATCHES = 500  # of the newest ones, that are looked at: however large the warehouse is


@dataclass(frozen=True)
class Touch:
    touch_at: datetime
    channel: str
    person_id: str


def events(reader: Reader, build_id: int, limit: int) -> pa.Table:
    """The newest events of the build, each with its person and the channel that its device came by last."""
    newest = _newest(reader, build_id, limit)
    touches = _touches(reader, sorted(set(newest["device_id"].to_pylist())))
    persons, channels = [], []
    for row in newest.select(["device_id", "event_at"]).to_pylist():
        of_device = touches[row["device_id"]]
        before = bisect_right(of_device, row["event_at"], key=lambda touch: touch.touch_at)
        persons.append(pseudonym(of_device[-1].person_id if of_device else row["device_id"]))
        channels.append(of_device[before - 1].channel if before else None)
    told = newest.drop_columns(["device_id"]).add_column(4, "person", pa.array(persons, pa.string()))
    return told.add_column(5, "channel", pa.array(channels, pa.string()))


def pseudonym(person_id: str) -> str:
    return hashlib.md5(person_id.encode(), usedforsecurity=False).hexdigest()[:12]


def _newest(reader: Reader, build_id: int, limit: int) -> pa.Table:
    oldest = _oldest_batch(reader, build_id, limit)
    bound = Bound()
    columns = (
        "event_id, event_timestamp as event_at, received_at, event_name, device_id, source_kind, "
        "page_location as page, value, currency"
    )
    newest = " union all ".join(
        f"select {columns}, batch_id from {table} where batch_id between {bound(oldest)} and "
        f"(select max(to_batch) from headwater_builds where build_id <= {bound(build_id)})"
        for table in RAW_TABLES
    )
    sql = f"""
        select * from ({newest}) as newest
        order by batch_id desc, event_at desc, event_id
        limit {bound(limit)}
    """
    return bound.run(reader, sql).drop_columns(["batch_id"])


def _touches(reader: Reader, devices: Sequence[str]) -> dict[str, list[Touch]]:
    """Of each device, in order. The devices stand in the statement: a join would be made with all there are."""
    touches: dict[str, list[Touch]] = defaultdict(list)
    if devices:
        bound = Bound()
        for row in bound.run(
            reader,
            f"""select device_id, touch_at, channel, person_id from int_touchpoints
            where {bound.among("device_id", devices)} order by touch_at, touchpoint_id""",
        ).to_pylist():
            touches[row.pop("device_id")].append(Touch(**row))
    return touches


def _oldest_batch(reader: Reader, build_id: int, limit: int) -> int:
    """The one with which there are enough events; counting a file's events would be reading them all."""
    bound = Bound()
    found = bound.run(
        reader,
        f"""
        select batch_id, accepted from headwater_batches
        where batch_id <= (select max(to_batch) from headwater_builds where build_id <= {bound(build_id)})
        order by batch_id desc
        limit {_BATCHES}
        """,
    ).to_pylist()
    so_far = 0
    for row in found:
        so_far += row["accepted"]
        if so_far >= limit:
            return int(row["batch_id"])
    return int(found[-1]["batch_id"]) if found else 0
