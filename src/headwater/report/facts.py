"""What a report tells: the same questions as the API's, asked once."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from headwater.errors import NothingFound
from headwater.serve.filters import Filters
from headwater.serve.questions.breakdown import FIRST, LAST, breakdown
from headwater.serve.questions.meta import meta, reach, unit
from headwater.serve.questions.overview import overview
from headwater.serve.questions.timeseries import timeseries
from headwater.settings import Settings
from headwater.warehouse.protocol import Reader

MOST_ROWS = 1000
NOT_SET = "(not set)"


@dataclass(frozen=True)
class Facts:
    by: str
    models: tuple[str, ...]
    meta: dict[str, Any]
    overview: dict[str, Any]
    rows: pa.Table
    series: list[dict[str, Any]]

    @property
    def unit(self) -> str:
        """Of values: the one currency, or nothing where there are several."""
        currencies = self.meta["currencies"]
        return str(currencies[0]) if len(currencies) == 1 else ""

    @property
    def warning(self) -> str:
        """Where values are worth less than they look."""
        if len(self.meta["currencies"]) < 2:
            return ""
        return (
            f"Values add up {', '.join(self.meta['currencies'])} as if they were one: set reporting_currency."
        )

    @property
    def has_shift(self) -> bool:
        """Last click less first click says something where both are shown."""
        return FIRST in self.models and LAST in self.models


def gather(
    reader: Reader, settings: Settings, days: int, by: str, models: tuple[str, ...], today: date
) -> Facts:
    """Of the last days that the tables know of."""
    if "int_attribution_credits" not in reader.tables():
        raise NothingFound(
            "Nothing is computed yet: load some events (`headwater load PATH`), then `headwater build`."
        )
    found = reach(reader)
    last = min(found.last_date or today, today)
    asked = Filters(last - timedelta(days=days - 1), last, models).resolved(
        last, settings.attribution.models, today
    )
    told = meta(reader, settings, found, today)
    return Facts(
        by=by,
        models=asked.models,
        meta=told,
        overview=overview(reader, asked, unit(reader, settings)),
        rows=breakdown(reader, asked, (by,), MOST_ROWS, 0),
        series=timeseries(reader, asked, "day", "model").to_pylist(),
    )
