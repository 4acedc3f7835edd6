"""cost: what BigQuery would ask for, per tick, build and month."""

import json
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.frame import Frame, say
from headwater.errors import HeadwaterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from headwater.operate.cost import Cost
    from headwater.operate.reads import Read, Workload
    from headwater.settings import Settings

STREAMED_DAYS = 7.0  # kept where the export brings each day again, unless they are kept for good


class CostFormat(StrEnum):
    table = "table"
    json = "json"


def cost(
    context: typer.Context,
    events_per_day: Annotated[
        float | None,
        typer.Option(min=1, max=1e13, metavar="N", help="Default: those of the warehouse, on average."),
    ] = None,
    history_days: Annotated[
        float, typer.Option(min=1, max=36_500, metavar="N", help="Days of history, with --events-per-day.")
    ] = 365.0,
    exported: Annotated[
        bool,
        typer.Option(
            "--exported",
            help="With --events-per-day: the property's export brings all days, taken in where it lies, "
            f"and streamed ones are kept for {STREAMED_DAYS:g}.",
        ),
    ] = False,
    intraday: Annotated[
        bool,
        typer.Option(
            "--intraday", help="With --exported: GA4 streams today's events into the export as well."
        ),
    ] = False,
    tick_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.05, max=86_400, metavar="N", help="From tick to tick. Default: what the budget allows."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, metavar="USD", help="A month. Default: warehouse.budget_usd_per_month."),
    ] = None,
    format: Annotated[CostFormat, typer.Option(help="How to print it.")] = CostFormat.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Reckon what BigQuery costs per tick, full build and month, and how often a budget lets ticks run."""
    from headwater.operate.cadence import WITHOUT_BUDGET, affordable, pause_between_tests
    from headwater.operate.cost import cost as month_of
    from headwater.operate.reads import Looks, Workload
    from headwater.operate.said import as_json as told

    frame: Frame = context.obj
    settings = frame.settings
    on_bigquery = settings.warehouse.url.startswith("bigquery://")
    tests = pause_between_tests(settings) if on_bigquery else 86_400.0
    if intraday and not exported:
        raise UsageError("--intraday is about an export: say --exported as well.")
    if events_per_day is None:
        workload = _found(frame, tests)
    elif exported:
        kept = history_days, min(STREAMED_DAYS, history_days)
        looks = Looks(settings.warehouse.export_minutes * 60, len(settings.warehouse.export) or 1, intraday)
        workload = Workload(events_per_day, *kept, test_seconds=tests, looks=looks)
    else:
        workload = Workload(events_per_day, 0.0, history_days, test_seconds=tests)
    budget = settings.warehouse.budget_usd_per_month if budget is None else budget
    allowed = affordable(budget, workload, settings.prices) if budget else None
    seconds = tick_seconds or (settings.stream.tick_seconds if _is_set(settings) else None) or allowed
    seconds = seconds or (86_400.0 if budget else WITHOUT_BUDGET)
    month = month_of(workload, seconds, settings.prices)
    dry_runs = _dry_runs(frame, month) if on_bigquery and events_per_day is None else {}
    if dry_runs:
        month = month_of(workload, seconds, settings.prices, measured=dry_runs)
    if as_json or format is CostFormat.json:
        answer = told(month, settings.prices) | {
            "budget_usd_per_month": budget,
            "affordable_tick_seconds": allowed,
            "from_dry_runs": "tick" in dry_runs,
            "export_from_dry_runs": "day" in dry_runs,
        }
        say(json.dumps(answer, indent=2))
        return
    _print(month, settings, budget, allowed, dry_runs)


def _is_set(settings: "Settings") -> bool:
    """On BigQuery alone: another warehouse's pace says nothing about one there."""
    from headwater.operate.cadence import is_default

    return settings.warehouse.url.startswith("bigquery://") and not is_default(
        settings, "stream.tick_seconds"
    )


def _found(frame: Frame, tests: float) -> "Workload":
    from headwater.operate.volume import looks_of, workload_of

    advice = f"say how many come in: {frame.command('cost', '--events-per-day', '1000000')}"
    try:
        with frame.reader() as warehouse:
            found = workload_of(warehouse, tests)
        if found and frame.settings.warehouse.export:
            with frame.warehouse(read_only=True) as whole:
                found = replace(found, looks=looks_of(frame.settings, whole))
    except HeadwaterError as error:
        raise UsageError(f"The warehouse cannot be asked for its events ({error}) Or {advice}.") from error
    if found is None:
        raise UsageError(f"There are no events in the warehouse; {advice}.")
    return found


def _dry_runs(frame: Frame, reckoned: "Cost") -> "Mapping[str, tuple[Read, ...]]":
    from headwater.cli.progress import Progress
    from headwater.operate.dry_run import measured, of_exports

    programs = {one.name: one.statements for one in reckoned.programs}
    with frame.warehouse(read_only=True) as warehouse, Progress("asking what each statement would read"):
        return {
            **measured(frame.settings, warehouse, programs),
            **of_exports(frame.settings, warehouse, programs),
        }


def _print(
    month: "Cost", settings: "Settings", budget: float, allowed: float | None, dry_runs: "Collection[str]"
) -> None:
    from headwater.cli.render import print_rows
    from headwater.operate.said import by_model, money, rows, size, span

    work, prices = month.workload, settings.prices
    ways = ["dry runs of the models" if "tick" in dry_runs else "a formula, not a measurement on BigQuery"]
    way = " and ".join([*ways, *(["dry runs of the export"] if "day" in dry_runs else [])])
    looks = f", a look at GA4's export every {span(work.looks.seconds)}" if work.looks else ""
    say(
        f"{work.events_per_day:,.0f} events a day, {work.loaded_days:,.0f} days loaded and "
        f"{work.streamed_days:,.0f} streamed, a tick every {span(month.tick_seconds)}{looks}; by {way}. "
        "At most, in USD:"
    )
    print_rows(
        ["a month of", "each", "USD each", "times", "USD"],
        rows(month, prices),
        [False, True, True, True, True],
    )
    print_rows(["a tick's", "reads", "share", "USD"], by_model(month, prices), [False, True, True, True])
    largest = max((one.largest for one in month.programs), key=lambda one: one.read)
    say(
        f"The largest statement, {largest.name}, reads {size(largest.read)}: a limit per query must lie above it."
    )
    say(
        f"By slots in place of bytes: about {month.slots:,.1f} busy on average, {money(month.slots_usd)} USD a month "
        f"for the queries at {prices.slot_hour:g} USD an hour (a guess from a build measured elsewhere: docs/scale.md)."
    )
    if budget:
        say(
            f"A budget of {money(budget)} USD a month pays for a tick every {span(allowed)}."
            if allowed
            else f"A budget of {money(budget)} USD a month pays for no tick a day: keep less history, "
            f"{'look at the export less often, ' if work.looks else ''}or use slots."
        )


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(cost)
