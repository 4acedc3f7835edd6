"""rates: exchange rates in, and which are there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.frame import Frame, counted, say


def rates(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE.csv]",
            help="CSV with date, currency, rate: what one unit is worth in the reporting currency.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Load exchange rates; without a file, list those that are there."""
    from headwater.cli.render import print_rows
    from headwater.loads import RATES, remember
    from headwater.rates import known_rates, load_rates, read_rates

    frame: Frame = context.obj
    reporting = frame.settings.reporting_currency
    incoming = read_rates(file) if file else None  # a file that is wrong makes no warehouse
    with frame.warehouse(read_only=incoming is None) as warehouse:
        if file is not None and incoming is not None:
            load_rates(incoming, warehouse)
            remember(frame.settings.home, file, RATES)
        known = known_rates(warehouse)
    if as_json:
        report = {
            "reporting_currency": reporting,
            "loaded": len(incoming or {}),
            "rates": list(map(asdict, known)),
        }
        say(json.dumps(report, indent=2, default=str))
        return
    if incoming is not None:
        say(f"{counted(len(incoming), 'rate')} loaded from {file}.")
    if known:
        print_rows(
            ["currency", "first date", "last date", "rates"],
            [[one.currency, str(one.first_date), str(one.last_date), f"{one.rates:,}"] for one in known],
            [False, False, False, True],
        )
    else:
        say(f"There are no exchange rates; load some: {frame.command('rates', 'FILE.csv')}")
    if not reporting:
        say('No value is converted yet: set reporting_currency = "EUR", or another, in headwater.toml.')
    elif incoming is not None:
        say(f"Next: {frame.command('build')}")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(rates)
