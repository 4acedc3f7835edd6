"""Writes the tables of docs/scale.md anew, from the functions that `headwater cost` uses.

python docs/scale_tables.py
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from headwater.operate.basis import basis
from headwater.operate.cadence import affordable
from headwater.operate.cost import GIB, Cost, cost, stored
from headwater.operate.reads import Looks, Workload
from headwater.operate.said import money, size, span
from headwater.operate.sizes import by_group
from headwater.settings import Prices

PAGE = Path(__file__).with_name("scale.md")
PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

PRICES = Prices()
VOLUMES = {"1 M": 1e6, "100 M": 1e8, "10 B": 1e10}
HISTORIES = (30.0, 365.0)
CADENCES = (60.0, 900.0, 3600.0, 86_400.0)
LOOKS = (Looks(900), Looks(900, has_intraday=True), Looks(3600, has_intraday=True))
TICK = 3600.0  # seconds from one tick to the next, beside exports
BUDGETS = (200.0, 2_000.0, 20_000.0, 200_000.0)


def month(events: float, days: float, seconds: float) -> Cost:
    return cost(Workload(events, streamed_days=days), seconds, PRICES)


def row_sizes() -> list[list[str]]:
    raw = basis().tables["ga4_events_raw"]
    groups = by_group(raw.bytes)
    return [
        ["columns of an event", "bytes"],
        *([name, f"{bytes_:,.0f}"] for name, bytes_ in groups.items()),
        ["all", f"{raw.row_bytes():,.0f}"],
    ]


def tables() -> list[list[str]]:
    known = basis()
    return [
        ["published table", "rows per event", "bytes a row", "bytes per event"],
        *(
            [
                f"`{name}`",
                f"{table.rows_per_event:.4f}",
                f"{table.row_bytes():,.0f}",
                f"{table.rows_per_event * table.row_bytes():,.1f}",
            ]
            for name in known.published
            for table in [known.tables[name]]
        ),
    ]


def ticks_and_builds() -> list[list[str]]:
    found = [
        ["events a day", "days of history", "stored", "a tick reads", "USD", "a full build reads", "USD"]
    ]
    for name, events in VOLUMES.items():
        for days in HISTORIES:
            one = month(events, days, 60)
            tick, build = one.program("tick").billed, one.program("build").billed
            found.append(
                [
                    name,
                    f"{days:g}",
                    size(sum(stored(one.workload, basis()))),
                    size(tick),
                    usd(tick),
                    size(build),
                    usd(build),
                ]
            )
    return found


def models() -> list[list[str]]:
    found = [["a tick's statement", *(f"{name} a day" for name in VOLUMES)]]
    costs = [month(events, 365, 60) for events in VOLUMES.values()]
    ranked = sorted(costs[0].program("tick").statements, key=lambda one: -one.billed)
    for statement in ranked:
        bytes_ = [
            {one.name: one.billed for one in each.program("tick").statements}[statement.name]
            for each in costs
        ]
        found.append([f"`{statement.name}`", *map(size, bytes_)])
    found.append(["all", *(size(one.program("tick").billed) for one in costs)])
    return found


def months() -> list[list[str]]:
    found = [
        [
            "events a day",
            "days of history",
            "ticks every",
            "by bytes, USD",
            "by slots, USD",
            "slots busy",
            "of which storage",
        ]
    ]
    for name, events in VOLUMES.items():
        for days in HISTORIES:
            for seconds in CADENCES:
                one = month(events, days, seconds)
                slots = f"{one.slots:,.0f}" if one.slots >= 10 else f"{one.slots:.2g}"
                found.append(
                    [
                        name,
                        f"{days:g}",
                        span(seconds),
                        money(one.usd),
                        money(one.usd_by_slots),
                        slots,
                        money(one.storage_usd),
                    ]
                )
    return found


def budgets() -> list[list[str]]:
    found = [["events a day", "days of history", *(f"{budget:,.0f} USD a month" for budget in BUDGETS)]]
    for name, events in VOLUMES.items():
        for days in HISTORIES:
            allowed = [affordable(budget, Workload(events, streamed_days=days), PRICES) for budget in BUDGETS]
            found.append([name, f"{days:g}", *("none" if one is None else span(one) for one in allowed)])
    return found


def exports() -> list[list[str]]:
    heading = ["events a day", "today's table", "a look every", "a look, USD", "a day's table, USD"]
    found = [[*heading, "today's, USD", "all of it a month, USD", "appends a month, USD", "without it, USD"]]
    for name, events in VOLUMES.items():
        for looks in LOOKS:
            work = Workload(events, 365, 7, looks=looks)
            one, other = (cost(each, TICK, PRICES) for each in (work, replace(work, looks=None)))
            programs = {each.name: each for each in one.programs}
            taken_in = [each for each in one.programs if each.name in ("look", "day", "intraday")]
            appends = (usd(each.program("append").billed_per_month) for each in (one, other))
            found.append(
                [
                    name,
                    "yes" if looks.has_intraday else "no",
                    span(looks.seconds),
                    usd(programs["look"].billed),
                    usd(programs["day"].billed),
                    usd(programs["intraday"].billed) if looks.has_intraday else "",
                    usd(sum(each.billed_per_month for each in taken_in)),
                    *appends,
                ]
            )
    return found


def ingestion() -> list[list[str]]:
    found = [
        [
            "events a day",
            "events/s",
            "a month of rows",
            "Storage Write API, USD",
            "insertAll, USD",
            "collectors",
        ]
    ]
    for name, events in VOLUMES.items():
        work = Workload(events)
        write = cost(work, 900, PRICES)
        insert = cost(work, 900, PRICES, writer="insert_all")
        doors = max(1, -(-events * PEAK // 86_400 // DOOR))
        found.append(
            [
                name,
                f"{events / 86_400:,.0f}",
                size(write.ingested_bytes),
                money(write.ingestion_usd),
                money(insert.ingestion_usd),
                f"{doors:,.0f}",
            ]
        )
    return found


DOOR = 28_759  # events/s that one worker takes in batches of 25: bench/door.py
PEAK = 3  # the busiest hour's rate over the day's

TABLES: dict[str, Callable[[], list[list[str]]]] = {
    each.__name__: each
    for each in (row_sizes, tables, ticks_and_builds, models, months, budgets, exports, ingestion)
}


def usd(bytes_: float) -> str:
    return money(bytes_ / 1024 / GIB * PRICES.query_per_tib)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    heading, *others = rows
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *others]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(text: str) -> str:
    return PLACE.sub(lambda found: f"{found[1]}{markdown(TABLES[found[2]]())}{found[4]}", text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
