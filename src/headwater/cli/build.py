"""build: from events to attribution."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from headwater.cli.frame import Frame, counted, say


def build(
    context: typer.Context,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Compute everything anew from the raw tables.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compute and test all tables from what is loaded; only what new events touch is computed again."""
    from headwater.cli.progress import Progress
    from headwater.transform.build import build as build_tables

    frame: Frame = context.obj
    settings = frame.settings
    engine = frame.engine()
    if engine:
        report = engine.build(full_refresh=full_refresh)
    else:
        with frame.warehouse() as warehouse, Progress("preparing") as progress:
            report = build_tables(settings, warehouse, full_refresh=full_refresh, progress=progress)
    if as_json:
        say(json.dumps(asdict(report), ensure_ascii=False, indent=2, default=str))
    elif not report.changed:
        say(f"Nothing to do: {report.reason}.")
    else:
        kind = "Full build" if report.full else "Incremental build"
        why = f" ({report.reason})" if report.reason else ""
        say(
            f"{kind}{why}: {counted(report.persons, 'person')}, {counted(report.models, 'model')}, "
            f"{counted(report.tests, 'test')}, {report.seconds:.1f} s."
        )
        say(f"Next: {frame.command('query', 'select * from mart_attribution_comparison')}")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(build)
