"""Synthetic events: a shop's months in the shape of a GA4 export, and the truth about where its buyers came
from.

Persons, devices, visits and orders are drawn first, as tables of numbers; then each day is told and written
on its own, on every core. The same seed and dates give the same events, byte for byte.
"""

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import numpy as np

from headwater.errors import DiskFull, SourceError, UsageError
from headwater.sources.synthetic.dice import Ints
from headwater.sources.synthetic.export import write_day
from headwater.sources.synthetic.orders import KEPT, Orders, draw_orders
from headwater.sources.synthetic.people import draw_people
from headwater.sources.synthetic.rhythm import DAY, midnight
from headwater.sources.synthetic.script import tell_day
from headwater.sources.synthetic.truth import write_truth
from headwater.sources.synthetic.visits import Visits, draw_visits

__all__ = ["Generated", "generate"]

TRUTH = "truth.csv"


@dataclass(frozen=True)
class Generated:
    out: Path
    files: list[Path]  # one per day
    events: int  # rows in the files, the duplicates among them
    duplicates: int  # rows that are in their file twice
    persons: int  # as the events let them be known: by account, else by device, else by session
    conversions: int  # rows of truth.csv
    revenue: Decimal  # of the conversions, after refunds
    seconds: float


def generate(
    out: Path,
    *,
    days: int = 90,
    persons: int = 20_000,
    seed: int = 7,
    start: date | None = None,
    today: date | None = None,
    progress: Callable[[float], None] | None = None,
) -> Generated:
    """Writes a file of events per day, and truth.csv, to `out`.

    The days end yesterday (UTC), unless they begin at `start`. `progress` hears how much is done (0 to 1).
    """
    begun = perf_counter()
    first_day = _first_day(days, persons, seed, start, today)
    files = [out / f"events_{first_day + timedelta(n):%Y%m%d}.parquet" for n in range(days)]
    with _clear_errors(out):
        _make_room(out, files)
        rng = np.random.default_rng(seed)
        people = draw_people(rng, persons)
        visits = draw_visits(rng, people, first_day, days)
        first_moment = midnight(first_day)
        orders = draw_orders(visits, first_moment + days * DAY)
        plan = _Plan(visits, orders, first_moment)
        events = duplicates = 0

        def write(day: int) -> tuple[int, int]:
            told = tell_day(
                visits, plan.visits_of(day), plan.refunds_of(day), orders, plan.order_of, plan.begin(day)
            )
            return write_day(files[day], told, orders, people), told.duplicates

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for done, (rows, repeated) in enumerate(threads.map(write, range(days)), start=1):
                events += rows
                duplicates += repeated
                if progress:
                    progress(done / days)
        truth = write_truth(out / TRUTH, people, visits, orders)
    revenue = Decimal(truth.cents) / 100
    seconds = perf_counter() - begun
    return Generated(out, files, events, duplicates, truth.persons, truth.rows, revenue, seconds)


class _Plan:
    """Which visits and refunds each day's file needs."""

    def __init__(self, visits: Visits, orders: Orders, first_moment: int) -> None:
        self._visits = visits
        self._first_moment = first_moment
        self.order_of = orders.of_visits(len(visits))
        refunded = np.flatnonzero(orders.refund != KEPT)
        self._refunded = refunded[np.argsort(orders.refund_at[refunded], kind="stable")]
        self._refund_at = orders.refund_at[self._refunded]

    def begin(self, day: int) -> int:
        return self._first_moment + day * DAY

    def visits_of(self, day: int) -> Ints:
        """Those that begin on the day, and those of the day before that reach into its file."""
        before, begin, end = np.searchsorted(self._visits.start, [self.begin(day + n) for n in (-1, 0, 1)])
        eve = np.arange(before, begin)
        reach_in = self._visits.start[eve] + self._visits.length[eve] >= self.begin(day)
        return np.concatenate([eve[reach_in | self._visits.late[eve]], np.arange(begin, end)])

    def refunds_of(self, day: int) -> Ints:
        begin, end = np.searchsorted(self._refund_at, [self.begin(day), self.begin(day + 1)])
        return self._refunded[begin:end]


def _first_day(days: int, persons: int, seed: int, start: date | None, today: date | None) -> date:
    for name, value, least in (("days", days, 1), ("persons", persons, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} is {value}: give a whole number of at least {least}.")
    return start or (today or datetime.now(UTC).date()) - timedelta(days)


def _make_room(out: Path, files: list[Path]) -> None:
    """Files of other days beside the new ones would be loaded with them, and truth.csv would be false."""
    out.mkdir(parents=True, exist_ok=True)
    strangers = sorted(set(out.glob("events_*.parquet")) - set(files))
    if strangers:
        raise UsageError(
            f"{out} already holds events of other days ({strangers[0].name}): "
            f"choose another folder with --out, or empty this one first."
        )
    (out / TRUTH).unlink(missing_ok=True)


@contextmanager
def _clear_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(
                f"No room left to write events to {out}: free some space, or choose another --out."
            ) from error
        raise SourceError(
            f"Cannot write events to {out} ({error.strerror or error}): choose another --out."
        ) from error
