"""How often a tick may run: what comes in, what a tick reads and what a month may cost decide on BigQuery."""

import logging
import math
from collections.abc import Callable
from typing import Protocol, TypeVar

from headwater.errors import HeadwaterError
from headwater.operate.cost import MONTH, TIB, cost
from headwater.operate.reads import DAY, Workload
from headwater.operate.volume import looks_of, workload_of
from headwater.settings import Prices, Settings
from headwater.warehouse.protocol import Warehouse

SHORTEST, LONGEST = 1.0, 86_400.0  # seconds
WITHOUT_BUDGET = 60.0  # seconds between ticks on BigQuery where neither a budget nor a pace is set
CLOSE_ENOUGH = 1.005

T = TypeVar("T")


class Ask(Protocol):
    """Asks a warehouse, on a connection of its own."""

    def __call__(self, work: Callable[[Warehouse], T]) -> T: ...


_log = logging.getLogger(__name__)


def cadence(budget: float, bytes_per_tick: float, prices: Prices, besides: float = 0.0) -> float:
    """Seconds from one tick to the next that `budget` USD a month pay for.

    `besides` is what a month costs whether or not there are ticks, in USD; what is free counts against it. Of a budget
    that pays for no tick at all the cadence is infinite."""
    bytes_per_month = (budget - besides) / prices.query_per_tib * TIB if prices.query_per_tib else math.inf
    if bytes_per_month <= 0:
        return math.inf
    return bytes_per_tick * MONTH / bytes_per_month


def affordable(
    budget: float, workload: Workload, prices: Prices, *, writer: str = "storage_write"
) -> float | None:
    """The shortest cadence within the budget, from SHORTEST to LONGEST seconds; None where even LONGEST costs more.

    Ticks further apart have more to do each, but never as much more as there are fewer of them: the way up ends at the
    first cadence that is paid for."""
    seconds = SHORTEST
    while True:
        month = cost(workload, seconds, prices, writer=writer)
        if month.usd <= budget * CLOSE_ENOUGH:
            return float(seconds)
        if seconds >= LONGEST:
            return None
        turn = month.program("tick").billed + month.program("append").billed
        others = month.queried_bytes - turn * MONTH / seconds
        fixed = month.storage_usd + month.ingestion_usd
        wanted = cadence(
            budget, turn, prices, fixed + (others / TIB - prices.free_query_tib) * prices.query_per_tib
        )
        seconds = min(max(wanted, seconds * CLOSE_ENOUGH), LONGEST)


def is_default(settings: Settings, key: str) -> bool:
    return settings.origins.get(key, "default") == "default"


def pause_between_tests(settings: Settings) -> float:
    """Seconds between two runs of the tests; on BigQuery, where nothing is set, a day: each reads all there is."""
    on_bigquery = settings.warehouse.url.startswith("bigquery://")
    return (
        DAY
        if on_bigquery and is_default(settings, "stream.test_minutes")
        else settings.stream.test_minutes * 60
    )


def pace(settings: Settings, ask: Ask) -> float:
    """Seconds between ticks: as set; on BigQuery, where nothing is set, what the budget allows. The log says so."""
    if not settings.warehouse.url.startswith("bigquery://") or not is_default(
        settings, "stream.tick_seconds"
    ):
        return settings.stream.tick_seconds
    budget = settings.warehouse.budget_usd_per_month
    found = None
    if budget:
        try:
            workload = ask(
                lambda warehouse: workload_of(
                    warehouse, pause_between_tests(settings), looks_of(settings, warehouse)
                )
            )
        except HeadwaterError as error:
            _log.warning("How much comes in is not known yet: %s", error)
        else:
            found = within(budget, workload, settings) if workload else None
    seconds, why = found or (
        WITHOUT_BUDGET,
        "warehouse.budget_usd_per_month or stream.tick_seconds change it",
    )
    _log.info("A tick at most every %.3g s: %s.", seconds, why)
    return seconds


def within(budget: float, workload: Workload, settings: Settings) -> tuple[float, str]:
    """The cadence, and why it is that."""
    seconds = affordable(budget, workload, settings.prices)
    if seconds is None:
        least = cost(workload, LONGEST, settings.prices).usd
        return (
            LONGEST,
            f"a budget of {budget:,.0f} USD a month pays for no more, and even this costs {least:,.0f} USD",
        )
    return seconds, f"that is what a budget of {budget:,.0f} USD a month pays for"
