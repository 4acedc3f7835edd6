"""What has come in last."""

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.questions.conversions import PERSON
from headwater.warehouse.protocol import RAW_TABLES, Reader

_BATCHES = 500  # of the newest ones, that are looked at: however large the warehouse is


def events(reader: Reader, build_id: int, limit: int) -> pa.Table:
    """The newest events of the build, each with the channel that its device came by last."""
    oldest = _oldest_batch(reader, build_id, limit)
    bound = Bound()
    columns = "event_id, stream_id, device_id, event_timestamp, received_at, event_name, page_location, value, currency"
    newest = " union all ".join(
        f"select {columns}, source_kind, batch_id from {table} where batch_id between {bound(oldest)} and "
        f"(select max(to_batch) from headwater_builds where build_id <= {bound(build_id)})"
        for table in RAW_TABLES
    )
    sql = f"""
        with newest as ({newest}),

        latest as (
            select * from newest
            order by batch_id desc, event_timestamp desc, event_id
            limit {bound(limit)}
        ),

        reached as (
            select latest.event_id, latest.stream_id, touches.channel,
                row_number() over (
                    partition by latest.event_id, latest.stream_id order by touches.touch_at desc, touches.touchpoint_id
                ) as recency
            from latest
            inner join int_touchpoints as touches
                on touches.device_id = latest.device_id and touches.touch_at <= latest.event_timestamp
            where touches.device_id in (select device_id from latest)
        )

        select latest.event_id, latest.event_timestamp as event_at, latest.received_at, latest.event_name,
            {PERSON.format("coalesce(devices.person_id, latest.device_id)")} as person,
            reached.channel, latest.source_kind, latest.page_location as page, latest.value, latest.currency
        from latest
        left join int_devices as devices on devices.device_id = latest.device_id
        left join reached
            on reached.event_id = latest.event_id and reached.stream_id = latest.stream_id and reached.recency = 1
        order by latest.batch_id desc, latest.event_timestamp desc, latest.event_id
    """
    return bound.run(reader, sql)


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
