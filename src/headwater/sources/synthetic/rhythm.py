"""The rhythm of the shop: hours of a day, days of a week, growth over the months."""

from datetime import UTC, date, datetime

import numpy as np

from headwater.sources.synthetic.dice import Floats, Ints

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_HOURS = np.array([
    5.0, 4, 3, 2.2, 1.8, 1.8, 2.2, 3, 4, 5, 5.6, 6,
    6.6, 6.8, 6.6, 6.4, 6.4, 6.6, 7.2, 8, 8.6, 8.4, 7.4, 6.2,
])  # fmt: skip
_WEEK = np.array([1.05, 1.02, 1.0, 0.98, 0.9, 0.72, 0.85])  # Monday to Sunday
_GROWTH = 0.4  # over 90 days


def midnight(day: date) -> int:
    """The day's first moment in UTC, in µs since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND


def moments(even: Floats, start_day: date, days: int) -> Ints:
    """Bends evenly running time (0 to 1) to the rhythm: µs from the first day's midnight."""
    day = np.arange(days)
    busy = _WEEK[(start_day.weekday() + day) % 7] * (1 + _GROWTH * day / 90)
    edges = np.concatenate([[0.0], np.cumsum(np.outer(busy, _HOURS).ravel())])
    hours = np.interp(even, edges / edges[-1], np.arange(days * 24 + 1))
    return (hours * HOUR).astype(np.int64)
