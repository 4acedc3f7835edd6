"""Single conversions, the newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import pyarrow as pa

from headwater.errors import UsageError
from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.warehouse.protocol import Reader

PERSON = "substr(md5({}), 1, 12)"  # who it is, without saying who


def conversions(reader: Reader, asked: Asked, limit: int, cursor: str | None) -> pa.Table:
    bound = Bound()
    condition = bound.conversions(asked)
    if cursor:
        at, conversion_id = read_cursor(cursor)
        instant, after = bound(at), bound(conversion_id)
        condition += (
            f" and (conversion_at < {instant} or conversion_at = {instant} and conversion_id > {after})"
        )
    sql = f"""
        with page as (
            select * from int_conversions
            where {condition}
            order by conversion_at desc, conversion_id
            limit {bound(limit)}
        ),

        journeys as (
            select *, count(*) over (partition by conversion_id) as steps
            from int_user_journeys
            where conversion_id in (select conversion_id from page)
        ),

        ways as (
            select conversion_id, max(steps) as steps,
                min(first_touch_at) as first_touch_at,
                max(case when step_number = 1 then channel end) as first_channel,
                max(case when last_touch_rank = steps then channel end) as last_channel
            from journeys
            group by conversion_id
        ),

        credited as (
            select conversion_id,
                max(case when attribution_model = 'first_click' then channel end) as first_click_channel,
                max(case when attribution_model = 'last_click' then channel end) as last_click_channel
            from int_attribution_credits
            where conversion_id in (select conversion_id from page)
                and {bound.dates("conversion_date", asked.first, asked.last)}
                and attribution_model in ('first_click', 'last_click')
                and credit > 0
            group by conversion_id
        )

        select page.conversion_id, page.conversion_at, page.conversion_date, page.conversion_event,
            page.conversion_value as value, page.currency, page.transaction_id,
            {PERSON.format("page.person_id")} as person,
            ways.steps, ways.first_channel, ways.last_channel,
            credited.first_click_channel, credited.last_click_channel,
            cast(extract(epoch from (page.conversion_at - ways.first_touch_at)) as double precision) / 86400
                as days_to_convert
        from page
        left join ways on ways.conversion_id = page.conversion_id
        left join credited on credited.conversion_id = page.conversion_id
        order by page.conversion_at desc, page.conversion_id
    """
    return bound.run(reader, sql)


def cursor_after(page: pa.Table) -> str:
    [last] = page.slice(page.num_rows - 1).select(["conversion_at", "conversion_id"]).to_pylist()
    return urlsafe_b64encode(f"{last['conversion_at'].isoformat()} {last['conversion_id']}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, conversion_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo or not conversion_id or "\0" in conversion_id:
            raise ValueError
    except ValueError:
        raise UsageError("cursor is none that an answer gave: begin without one.") from None
    return instant, conversion_id
