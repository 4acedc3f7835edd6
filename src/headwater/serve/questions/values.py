"""What a filter can be set to."""

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.warehouse.protocol import Reader


def values(reader: Reader, asked: Asked, column: str, limit: int, offset: int) -> pa.Table:
    """With the conversions of the first model asked for; those that only brought sessions come last."""
    bound = Bound()
    visited = (
        f"union all select {column}, 0 as credit from stg_ga4_sessions where {bound.sessions(asked)} group by {column}"
        if column != "conversion_event"
        else ""
    )
    sql = f"""
        with found as (
            select {column}, sum(credit) as credit from int_attribution_credits
            where {bound.credits(asked)} and attribution_model = {bound(asked.models[0])}
            group by {column}
            {visited}
        )

        select {column} as value, cast(sum(credit) as decimal(38, 12)) as conversions
        from found
        group by {column}
        order by sum(credit) desc, {column}
        limit {bound(limit)} offset {bound(offset)}
    """
    return bound.run(reader, sql)
