"""Conversions and value by day, week or month. A day without any is there, with nothing."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.warehouse.protocol import Reader

Grain = Literal["day", "week", "month"]
By = Literal["model", "channel"]


def timeseries(reader: Reader, asked: Asked, grain: Grain, by: By) -> pa.Table:
    bound = Bound()
    keys = ["channel"] if by == "channel" else []
    selected = "".join(f"{key}, " for key in keys)
    found = bound.run(
        reader,
        f"""
        select conversion_date as date, attribution_model as model, {selected}
            sum(credit) as conversions, sum(credited_value) as value
        from int_attribution_credits
        where {bound.credits(asked)}
        group by conversion_date, attribution_model, {selected} 1
        """.replace(", 1\n", "\n"),
    ).to_pylist()
    channels = sorted({row["channel"] for row in found}) if keys else [None]
    sums = {
        (start, model, channel): [0, 0]
        for start in dict.fromkeys(starts(asked, grain))
        for model in asked.models
        for channel in channels
    }
    for row in found:
        at = sums[start_of(row["date"], grain), row["model"], row.get("channel")]
        at[0] += row["conversions"]
        at[1] += row["value"] or 0
    rows = [
        {"date": start, "model": model, "channel": channel, "conversions": count, "value": value}
        for (start, model, channel), (count, value) in sums.items()
    ]
    schema = pa.schema(
        [
            ("date", pa.date32()),
            ("model", pa.string()),
            *([("channel", pa.string())] if keys else []),
            ("conversions", pa.decimal128(38, 12)),
            ("value", pa.decimal128(38, 9)),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def start_of(day: date, grain: Grain) -> date:
    """Weeks begin on Monday."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def starts(asked: Asked, grain: Grain) -> Iterator[date]:
    for number in range(asked.days):
        yield start_of(asked.first + timedelta(days=number), grain)
