"""The ways that led to conversions: paths, passages, lengths, days, and who helped."""

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.serve.questions.median import median, ranked
from headwater.warehouse.protocol import Reader

CONVERSION = "(conversion)"  # where every way ends

_DAYS = "cast(floor(extract(epoch from (conversion_at - first_touch_at)) / 86400) as bigint)"


def paths(reader: Reader, asked: Asked, limit: int, offset: int) -> pa.Table:
    bound = Bound()
    sql = f"""
        with {_ways(bound, asked)},

        timed as (
            select path, steps, conversion_value,
                cast(extract(epoch from (conversion_at - first_touch_at)) as double precision) / 86400 as days
            from ways
        ),

        ranked as (
            select path, steps, conversion_value, days, {ranked("days", within="path")}
            from timed
        ),

        counted as (
            select path, max(steps) as steps, count(*) as conversions,
                cast(coalesce(sum(conversion_value), 0) as decimal(38, 9)) as value,
                {median("days")} as median_days
            from ranked
            group by path
        )

        select path, steps, conversions, value,
            cast(1.0 * conversions / sum(conversions) over () as double precision) as share,
            median_days
        from counted
        order by conversions desc, value desc, path
        limit {bound(limit)} offset {bound(offset)}
    """
    return bound.run(reader, sql)


def links(reader: Reader, asked: Asked) -> pa.Table:
    bound = Bound()
    sql = f"""
        with {_chosen(bound, asked)},

        passages as (
            select journeys.step_number as position, journeys.channel as origin, chosen.conversion_value,
                coalesce(
                    lead(journeys.channel) over (partition by conversion_id order by journeys.step_number),
                    {bound(CONVERSION)}
                ) as target
            from int_user_journeys as journeys
            inner join chosen using (conversion_id)
        )

        select position, origin, target, count(*) as conversions,
            cast(coalesce(sum(conversion_value), 0) as decimal(38, 9)) as value
        from passages
        group by position, origin, target
        order by position, conversions desc, origin, target
    """
    return bound.run(reader, sql)


def lengths(reader: Reader, asked: Asked) -> pa.Table:
    return _counted_by(reader, asked, "steps", "steps")


def days(reader: Reader, asked: Asked) -> pa.Table:
    """Whole days from the first touch."""
    return _counted_by(reader, asked, _DAYS, "days")


def assists(reader: Reader, asked: Asked) -> pa.Table:
    bound = Bound()
    sql = f"""
        with {_chosen(bound, asked)},

        numbered as (
            select journeys.channel, journeys.step_number, journeys.last_touch_rank, conversion_id,
                count(*) over (partition by conversion_id) as steps
            from int_user_journeys as journeys
            inner join chosen using (conversion_id)
        ),

        roles as (
            select channel, conversion_id,
                max(case when last_touch_rank = steps then 1 else 0 end) as is_last,
                max(case when step_number = 1 then 1 else 0 end) as is_first,
                max(case when steps = 1 then 1 else 0 end) as is_only
            from numbered
            group by channel, conversion_id
        )

        select channel,
            cast(sum(1 - is_last) as bigint) as assisted,
            cast(sum(is_last) as bigint) as last,
            cast(sum(is_first) as bigint) as first,
            cast(sum(is_only) as bigint) as only,
            cast(
                1.0 * sum(1 - is_last) / nullif(sum(is_last), 0)
                as double precision
            ) as assists_per_last
        from roles
        group by channel
        order by assisted desc, last desc, channel
    """
    return bound.run(reader, sql)


def _counted_by(reader: Reader, asked: Asked, expression: str, name: str) -> pa.Table:
    bound = Bound()
    sql = f"""
        with {_ways(bound, asked)},

        counted as (
            select {expression} as {name}, count(*) as conversions,
                cast(coalesce(sum(conversion_value), 0) as decimal(38, 9)) as value
            from ways
            group by 1
        )

        select *, cast(1.0 * conversions / sum(conversions) over () as double precision) as share
        from counted
        order by {name}
    """
    return bound.run(reader, sql)


def _chosen(bound: Bound, asked: Asked) -> str:
    return f"""chosen as (
            select conversion_id, conversion_at, conversion_value from int_conversions
            where {bound.conversions(asked)}
        )"""


def _ways(bound: Bound, asked: Asked) -> str:
    return f"""{_chosen(bound, asked)},

        ways as (
            select conversion_id, chosen.conversion_at, chosen.conversion_value,
                string_agg(journeys.channel, ' > ' order by journeys.step_number) as path,
                count(*) as steps,
                min(journeys.first_touch_at) as first_touch_at
            from int_user_journeys as journeys
            inner join chosen using (conversion_id)
            group by conversion_id, chosen.conversion_at, chosen.conversion_value
        )"""
