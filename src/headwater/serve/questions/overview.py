"""The few numbers that say how it goes, each beside the same number of the days before."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.serve.questions.breakdown import FIRST, LAST
from headwater.serve.questions.moved import moved
from headwater.warehouse.protocol import Reader

Number = Decimal | int | float


def overview(reader: Reader, asked: Asked, currency: str | None) -> dict[str, Any]:
    headline = LAST if LAST in asked.models else asked.models[0]
    sums = _credits(reader, asked)
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
        "moved": moved(reader, asked, headline, currency),
    }


def against(now: Number | None, before: Number | None) -> dict[str, Any]:
    """`change` as a share of what was before; null where there was nothing."""
    known = now is not None and before
    return {
        "now": now,
        "before": before,
        "change": float(now - before) / float(before) if known else None,  # type: ignore[operator,arg-type]
    }


def _credits(reader: Reader, asked: Asked) -> Mapping[tuple[str, str], tuple[Number, Number]]:
    bound = Bound()
    rows = bound.run(
        reader,
        f"""
        select attribution_model,
            case when conversion_date >= {bound(asked.first)} then 'now' else 'before' end as period,
            sum(credit) as conversions, coalesce(sum(credited_value), 0) as value
        from int_attribution_credits
        where {bound.credits(asked, asked.before)}
        group by 1, 2
        """,
    ).to_pylist()
    return {(row["attribution_model"], row["period"]): (row["conversions"], row["value"]) for row in rows}


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
