"""What there is to ask about: the settings that answers depend on, and how far the tables reach."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from headwater import __version__
from headwater.settings import Settings
from headwater.warehouse.protocol import Reader


@dataclass(frozen=True)
class Reach:
    """Of one build. There is none before the first."""

    build_id: int = 0
    published_at: datetime | None = None
    first_date: date | None = None
    last_date: date | None = None


def newest_build(reader: Reader) -> int:
    return int(
        reader.query("select coalesce(max(build_id), 0) as build_id from headwater_builds")["build_id"][
            0
        ].as_py()
    )


def reach(reader: Reader) -> Reach:
    built = reader.query(
        "select build_id, finished_at from headwater_builds order by build_id desc limit 1"
    ).to_pylist()
    if not built:
        return Reach()
    [dates] = reader.query(
        """
        select least(min(session_date), (select min(conversion_date) from int_conversions)) as first_date,
            greatest(max(session_date), (select max(conversion_date) from int_conversions)) as last_date
        from stg_ga4_sessions
        """
    ).to_pylist()
    return Reach(built[0]["build_id"], built[0]["finished_at"], dates["first_date"], dates["last_date"])


def unit(reader: Reader, settings: Settings) -> str | None:
    """What values are in; None where conversions of several currencies are added up as they are."""
    if settings.reporting_currency:
        return settings.reporting_currency
    found = reader.query("select distinct currency from int_conversions where currency is not null limit 2")
    return str(found["currency"][0]) if found.num_rows == 1 else None


def meta(reader: Reader, settings: Settings, found: Reach, today: date) -> dict[str, Any]:
    currencies, channels = [], []
    if found.build_id:
        currencies = reader.query(
            "select currency from int_conversions where currency is not null group by 1 order by count(*) desc, 1"
        )["currency"].to_pylist()
        channels = reader.query("select channel from stg_ga4_sessions group by 1 order by count(*) desc, 1")[
            "channel"
        ].to_pylist()
    attribution = settings.attribution
    return {
        "version": __version__,
        "timezone": settings.timezone,
        "reporting_currency": settings.reporting_currency or None,
        "currencies": [settings.reporting_currency] if settings.reporting_currency else currencies,
        "models": list(attribution.models),
        "conversion_events": list(attribution.conversion_events),
        "lookback_days": attribution.lookback_days,
        "channels": channels,
        "first_date": found.first_date,
        "last_date": found.last_date,
        "today": today,
    }
