"""The dbt project that ships with the package, and the variables that the settings give it."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from headwater import __version__
from headwater.channels import dbt_vars as channel_vars
from headwater.settings import Settings
from headwater.warehouse.protocol import Reader

PROJECT = Path(__file__).parent.parent / "dbt"


def variables(settings: Settings, live_schema: str) -> dict[str, Any]:
    """All that the models are told. There is no default in the project: a variable that is missing here fails there."""
    attribution = settings.attribution
    return {
        "live_schema": live_schema,
        "timezone": settings.timezone,
        "reporting_currency": settings.reporting_currency,
        "lookback_days": attribution.lookback_days,
        "session_timeout_minutes": attribution.session_timeout_minutes,
        "conversion_events": list(attribution.conversion_events),
        "attribution_models": list(attribution.models),
        "ignore_direct": list(attribution.ignore_direct),
        "half_life_days": attribution.half_life_days,
        "identity": attribution.identity,
        "collapse_same_channel_day": attribution.collapse_same_channel_day,
        "channel_group": attribution.channel_group,
        "internal_domains": list(attribution.internal_domains),
        "ignored_referrers": list(attribution.ignored_referrers),
        "supersede_streamed": settings.stream.supersede_streamed,
        "streams": sorted(settings.streams.items()),
        **channel_vars(settings.channel_rules),
    }


@cache
def project_hash() -> str:
    """Changes with any statement or seed, so that a new version of a model is followed by a full build."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".csv"} and path.is_file():
            digest.update(path.relative_to(PROJECT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(variables: dict[str, Any], warehouse: Reader) -> str:
    """What the published rows depend on besides the events: settings, models and, where used, exchange rates."""
    rates: list[Any] = []
    if variables["reporting_currency"]:
        known = warehouse.query("select rate_date, currency, rate from exchange_rates order by 1, 2, 3")
        rates = [[str(value) for value in row.values()] for row in known.to_pylist()]
    return hashlib.sha256(json.dumps([project_hash(), variables, rates], sort_keys=True).encode()).hexdigest()
