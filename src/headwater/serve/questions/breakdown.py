"""Every model side by side, for each channel, source, medium or campaign; and two of them against each other."""

from collections.abc import Sequence

import pyarrow as pa

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.warehouse.protocol import Reader

FIRST, LAST = "first_click", "last_click"


def breakdown(
    reader: Reader, asked: Asked, by: Sequence[str], limit: int, offset: int, *, persons: bool = False
) -> pa.Table:
    """The most valuable first. Sessions are those that the channel brought, whether or not they led anywhere."""
    bound, keys = Bound(), ", ".join(by)
    visits = {"sessions": "count(*)"} | ({"persons": "count(distinct person_id)"} if persons else {})
    measures = [f"{model}_{measure}" for model in asked.models for measure in ("conversions", "value")]
    headline = LAST if LAST in asked.models else asked.models[0]
    sql = f"""
        with {_summed(bound, asked, keys)},

        credited as (
            select {keys}, {_pivot(asked.models)}
            from summed
            group by {keys}
        ),

        visited as (
            select {keys}, {", ".join(f"{count} as {name}" for name, count in visits.items())}
            from stg_ga4_sessions
            where {bound.sessions(asked)}
            group by {keys}
        ),

        together as (
            select {keys}, {", ".join(visits)}, {", ".join(f"0 as {name}" for name in measures)} from visited
            union all
            select {keys}, {", ".join(f"0 as {name}" for name in visits)}, {", ".join(measures)} from credited
        ),

        added as (
            select {keys},
                {", ".join(f"cast(sum({name}) as bigint) as {name}" for name in visits)},
                {", ".join(f"{_exact(f'sum({name})', name)} as {name}" for name in measures)}
            from together
            group by {keys}
        )

        select *,
            {_shift(asked.models, "conversions")} as conversion_shift,
            {_shift(asked.models, "value")} as value_shift
        from added
        order by {headline}_value desc, {headline}_conversions desc, sessions desc, {keys}
        limit {bound(limit)} offset {bound(offset)}
    """
    return bound.run(reader, sql)


def comparison(
    reader: Reader, asked: Asked, by: Sequence[str], models: tuple[str, str], limit: int, offset: int
) -> pa.Table:
    """Where the two differ most first. `_percent` is of the base, and null where that has nothing."""
    bound, keys = Bound(), ", ".join(by)
    sides = {"base": models[0], "against": models[1]}
    sums = ", ".join(
        _exact(f"sum(case when attribution_model = {bound(model)} then {measure} else 0 end)", measure)
        + f" as {side}_{measure}"
        for side, model in sides.items()
        for measure in ("conversions", "value")
    )
    sql = f"""
        with {_summed(bound, asked, keys)},

        sides as (
            select {keys}, {sums}
            from summed
            group by {keys}
        )

        select {keys},
            base_conversions, against_conversions,
            {_exact("against_conversions - base_conversions", "conversions")} as conversion_shift,
            {_percent("conversions")} as conversion_shift_percent,
            base_value, against_value,
            {_exact("against_value - base_value", "value")} as value_shift,
            {_percent("value")} as value_shift_percent
        from sides
        order by abs(against_value - base_value) desc, abs(against_conversions - base_conversions) desc, {keys}
        limit {bound(limit)} offset {bound(offset)}
    """
    return bound.run(reader, sql)


def _summed(bound: Bound, asked: Asked, keys: str) -> str:
    """Each model below the other: few rows to lay side by side."""
    return f"""summed as (
            select {keys}, attribution_model, sum(credit) as conversions, sum(credited_value) as value
            from int_attribution_credits
            where {bound.credits(asked)}
            group by {keys}, attribution_model
        )"""


def _pivot(models: Sequence[str]) -> str:
    """The names are those of the settings, which know no others."""
    return ", ".join(
        f"sum(case when attribution_model = '{model}' then {measure} else 0 end) as {model}_{measure}"
        for model in models
        for measure in ("conversions", "value")
    )


def _exact(expression: str, name: str) -> str:
    return f"cast({expression} as decimal(38, {9 if name.endswith('value') else 12}))"


def _shift(models: Sequence[str], measure: str) -> str:
    """Null where one of the two is not asked for: that nothing is known is not the same as nothing."""
    if FIRST in models and LAST in models:
        return _exact(f"{LAST}_{measure} - {FIRST}_{measure}", measure)
    return _exact("null", measure)


def _percent(measure: str) -> str:
    return (
        f"cast(100.0 * (against_{measure} - base_{measure}) / nullif(base_{measure}, 0) as double precision)"
    )
