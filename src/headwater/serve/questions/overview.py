"""The few numbers that say how it goes, each beside the same number of the days before."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.serve.questions.breakdown import FIRST, LAST
from headwater.serve.questions.moved import Sum, moved
from headwater.warehouse.protocol import Reader

Number = Decimal | int | float


def overview(reader: Reader, asked: Asked, currency: str | None) -> dict[str, Any]:
    headline = LAST if LAST in asked.models else asked.models[0]
    parts = _credits(reader, asked)
    sums = _added(parts)
    sessions = _sessions(reader, asked)
    models = [
        {
            "model": model,
            "conversions": against(*(sums.get((model, period), (0, 0))[0] for period in ("now", "before"))),
            "value": against(*(sums.get((model, period), (0, 0))[1] for period in ("now", "before"))),
        }
        for model in asked.models
    ]
    main = next(one for one in models if one["model"] == headline)
    rates = [
        float(main["conversions"][period]) / sessions[period] if sessions[period] else None  # type: ignore[index]
        for period in ("now", "before")
    ]
    return {
        "from": asked.first,
        "to": asked.last,
        "previous_from": asked.before,
        "previous_to": asked.previous_last,
        "model": headline,
        "conversions": main["conversions"],
        "value": main["value"],
        "sessions": against(sessions["now"], sessions["before"]),
        "conversion_rate": against(*rates),
        "models": models,
        "difference": _difference(sums) if FIRST in asked.models and LAST in asked.models else None,
        "moved": moved(parts, headline, asked.days, currency),
    }


def against(now: Number | None, before: Number | None) -> dict[str, Any]:
    """`change` as a share of what was before; null where there was nothing."""
    known = now is not None and before
    return {
        "now": now,
        "before": before,
        "change": float(now - before) / float(before) if known else None,  # type: ignore[operator,arg-type]
    }


def _credits(reader: Reader, asked: Asked) -> list[Sum]:
    """All that is asked of credits, from reading them once."""
    bound = Bound()
    rows = bound.run(
        reader,
        f"""
        select attribution_model as model, channel, campaign, conversion_date >= {bound(asked.first)} as is_now,
            sum(credit) as conversions, coalesce(sum(credited_value), 0) as value
        from int_attribution_credits
        where {bound.credits(asked, asked.before)}
        group by 1, 2, 3, 4
        """,
    ).to_pylist()
    return [Sum(**row) for row in rows]


def _added(parts: Sequence[Sum]) -> Mapping[tuple[str, str], tuple[Number, Number]]:
    sums: dict[tuple[str, str], tuple[Number, Number]] = {}
    for one in parts:
        key = one.model, "now" if one.is_now else "before"
        conversions, value = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = conversions + one.conversions, value + one.value  # type: ignore[operator]
    return sums


def _sessions(reader: Reader, asked: Asked) -> dict[str, int]:
    bound = Bound()
    rows = bound.run(
        reader,
        f"""
        select case when session_date >= {bound(asked.first)} then 'now' else 'before' end as period,
            count(*) as sessions
        from stg_ga4_sessions
        where {bound.sessions(asked, asked.before)}
        group by 1
        """,
    ).to_pylist()
    return {"now": 0, "before": 0} | {row["period"]: row["sessions"] for row in rows}


def _difference(sums: Mapping[tuple[str, str], tuple[Number, Number]]) -> dict[str, Any]:
    first, last = (sums.get((model, "now"), (0, 0)) for model in (FIRST, LAST))
    return {
        measure: against(last[place], first[place])["change"]
        for place, measure in enumerate(("conversions", "value"))
    }
