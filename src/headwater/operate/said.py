"""A month's cost as rows and sentences."""

from typing import Any

from headwater.operate.cost import GIB, Cost, Program
from headwater.settings import Prices

NAMES = {
    "append": "appends",
    "tick": "ticks",
    "tests": "tests of what is published",
    "build": "full builds, with tests",
    "look": "looks at GA4's export",
    "day": "its days, each four times",
    "intraday": "its table of today, as it grows",
}
SHOWN = 8  # statements of a tick, those that read most


def as_json(cost: Cost, prices: Prices) -> dict[str, Any]:
    work = cost.workload
    return {
        "events_per_day": work.events_per_day,
        "loaded_days": work.loaded_days,
        "streamed_days": work.streamed_days,
        "tick_seconds": cost.tick_seconds,
        "export": work.looks
        and {
            "look_seconds": work.looks.seconds,
            "exports": work.looks.exports,
            "has_intraday": work.looks.has_intraday,
        },
        "programs": {
            one.name: {
                "bytes_billed": round(one.billed),
                "usd": dollars(one, prices),
                "runs_per_month": one.runs_per_month,
                "bytes_billed_per_month": round(one.billed_per_month),
                "statements": [
                    {"name": read.name, "bytes_read": round(read.read), "bytes_billed": round(read.billed)}
                    for read in one.statements
                ],
            }
            for one in cost.programs
        },
        "storage": {"active_bytes": round(cost.active_bytes), "long_term_bytes": round(cost.long_term_bytes)},
        "ingested_bytes_per_month": round(cost.ingested_bytes),
        "slots": cost.slots,
        "usd_per_month": {
            "queries": cost.queries_usd,
            "storage": cost.storage_usd,
            "ingestion": cost.ingestion_usd,
            "total": cost.usd,
            "queries_by_slots": cost.slots_usd,
            "total_by_slots": cost.usd_by_slots,
        },
    }


def dollars(program: Program, prices: Prices) -> float:
    """One run, before what is free."""
    return program.billed / 1024 / GIB * prices.query_per_tib


def rows(cost: Cost, prices: Prices) -> list[list[str]]:
    """what, read each time, USD each time, times a month, USD a month"""
    found = [
        [
            NAMES[one.name],
            size(one.billed),
            money(dollars(one, prices)),
            f"{one.runs_per_month:,.0f}",
            money(dollars(one, prices) * one.runs_per_month),
        ]
        for one in cost.programs
    ]
    free = sum(dollars(one, prices) * one.runs_per_month for one in cost.programs) - cost.queries_usd
    return [
        *found,
        ["free queries", "", "", "", money(-free)],
        ["storage", size(cost.active_bytes + cost.long_term_bytes), "", "", money(cost.storage_usd)],
        ["streaming in", size(cost.ingested_bytes), "", "", money(cost.ingestion_usd)],
        ["all", "", "", "", money(cost.usd)],
    ]


def by_model(cost: Cost, prices: Prices) -> list[list[str]]:
    """The statements of a tick that read most, and the rest together."""
    ranked = sorted(cost.program("tick").statements, key=lambda one: -one.billed)
    whole = sum(one.billed for one in ranked)
    others = sum(one.billed for one in ranked[SHOWN:])
    shown = [(one.name, one.billed) for one in ranked[:SHOWN]] + [(f"{len(ranked) - SHOWN} others", others)]
    return [
        [name, size(billed), f"{billed / whole:.0%}", money(billed / 1024 / GIB * prices.query_per_tib)]
        for name, billed in shown
    ]


def size(number: float) -> str:
    for unit in ("MiB", "GiB", "TiB", "PiB"):
        number /= 1024 if unit != "MiB" else 1024**2
        if number < 1024 or unit == "PiB":
            return f"{number:,.0f} {unit}" if number >= 100 else f"{number:,.1f} {unit}"
    raise AssertionError


def money(usd: float) -> str:
    if not usd:
        return "0"
    return f"{usd:,.0f}" if abs(usd) >= 100 else f"{usd:,.2f}" if abs(usd) >= 0.1 else f"{usd:.4f}"


def span(seconds: float) -> str:
    for unit, length in (("day", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.3g} s"
