"""How the whole of it is: what the books say, what was refused, what was built, how good the data are."""

from typing import Any

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.serve.questions.median import median, ranked
from headwater.warehouse.protocol import Reader

_BUILDS = 20
_FULL_BUILDS = 5
_TICKS = 200  # that are summed up


def dead_letters(reader: Reader) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader.query(
        "select reason, count(*) as dead_letters, max(refused_at) as newest_at from dead_letters "
        "group by reason order by dead_letters desc, reason"
    ).to_pylist()
    return found


def builds(reader: Reader) -> list[dict[str, Any]]:
    return _newest(reader, "true", _BUILDS)


def full_builds(reader: Reader) -> list[dict[str, Any]]:
    """Under traffic, ticks push the last of them out of the newest builds within seconds."""
    return _newest(reader, "is_full", _FULL_BUILDS)


def ticks(reader: Reader) -> dict[str, Any]:
    """The newest incremental builds, summed up."""
    [found] = reader.query(
        f"""
        with newest as (
            select started_at, {_SECONDS} as seconds
            from headwater_builds where not is_full order by build_id desc limit {_TICKS}
        ),

        ranked as (
            select started_at, seconds, {ranked("seconds")} from newest
        )

        select count(*) as count, min(started_at) as since, {median("seconds")} as median_seconds from ranked
        """
    ).to_pylist()
    return dict(found)


_SECONDS = "cast(extract(epoch from (finished_at - started_at)) as double precision)"


def _newest(reader: Reader, condition: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader.query(
        f"""
        select build_id, is_full, persons, started_at, finished_at, {_SECONDS} as seconds
        from headwater_builds where {condition} order by build_id desc limit {limit}
        """
    ).to_pylist()
    return found


def quality(reader: Reader, asked: Asked) -> list[dict[str, Any]]:
    """What makes attribution worth less than it could be, each as a share of what it is about."""
    return [
        {"name": name, "told": told, "found": row[name] or 0, "of": row["of_them"]}
        for told_of, row in (
            (_OF_CONVERSIONS, _conversions(reader, asked)),
            (_OF_SESSIONS, _sessions(reader, asked)),
        )
        for name, told in told_of.items()
    ]


_OF_CONVERSIONS = {
    "without_value": "conversions without a value: they count, and are worth nothing",
    "without_currency": "conversions with a value and no currency",
    "without_transaction_id": "conversions without a transaction id: the same order sent twice counts twice",
    "credited_to_direct": "conversions whose only step is Direct: nothing is known of how they came",
}
_OF_SESSIONS = {
    "unassigned": "sessions in the channel Unassigned: no rule knows their source and medium",
    "one_event": "sessions of one event",
}


def _conversions(reader: Reader, asked: Asked) -> dict[str, Any]:
    bound = Bound()
    condition = bound.dates("conversion_date", asked.first, asked.last)
    direct = Bound()
    [row] = bound.run(
        reader,
        f"""
        select count(*) as of_them,
            sum(case when conversion_value is null then 1 else 0 end) as without_value,
            sum(case when conversion_value is not null and currency is null then 1 else 0 end) as without_currency,
            sum(case when transaction_id is null then 1 else 0 end) as without_transaction_id
        from int_conversions
        where {condition}
        """,
    ).to_pylist()
    [alone] = direct.run(
        reader,
        f"""
        select count(*) as credited_to_direct
        from (
            select conversion_id from int_user_journeys
            where conversion_id in (
                select conversion_id from int_conversions
                where {direct.dates("conversion_date", asked.first, asked.last)}
            )
            group by conversion_id
            having count(*) = 1 and max(channel) = 'Direct'
        ) as alone
        """,
    ).to_pylist()
    return {**row, **alone}


def _sessions(reader: Reader, asked: Asked) -> dict[str, Any]:
    bound = Bound()
    found: list[dict[str, Any]] = bound.run(
        reader,
        f"""
        select count(*) as of_them,
            sum(case when channel = 'Unassigned' then 1 else 0 end) as unassigned,
            sum(case when event_count = 1 then 1 else 0 end) as one_event
        from stg_ga4_sessions
        where {bound.dates("session_date", asked.first, asked.last)}
        """,
    ).to_pylist()
    return found[0]
