"""generate, load: bringing events in."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.frame import Frame, counted, say

if TYPE_CHECKING:
    from headwater.sources.load import LoadReport

SEE_DEAD_LETTERS = (
    "select origin, line, reason, detail, original from dead_letters "
    "order by refused_at desc, origin, line limit 20"
)


class Format(StrEnum):
    auto = "auto"
    ga4 = "ga4"
    ndjson = "ndjson"
    csv = "csv"


def generate(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days of events.")] = 90,
    persons: Annotated[int, typer.Option(min=1, max=100_000_000, help="How many persons.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same events.")] = 7,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")] = Path("synthetic"),
) -> None:
    """Write realistic GA4-shaped events, and the true first and last clicks beside them."""
    from headwater.cli.progress import Progress
    from headwater.sources.synthetic import generate as generate_events

    frame: Frame = context.obj
    with Progress("writing events") as progress:
        made = generate_events(out, days=days, persons=persons, seed=seed, progress=progress.share)
    say(
        f"Wrote {counted(made.events, 'event')} of {counted(made.persons, 'person')} with "
        f"{counted(made.conversions, 'conversion')} to {made.out} in {made.seconds:.1f} s."
    )
    say(f"Next: {frame.command('load', str(made.out))}")


def load(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...", help="Files or folders, plain or gzip; none: what warehouse.export names."
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="What the files are; auto looks at each.")] = Format.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Load event files into the warehouse; loading a file twice changes nothing."""
    from headwater.cli.progress import Progress
    from headwater.exported import check_configured, take_in
    from headwater.sources.load import load as load_files

    frame: Frame = context.obj
    settings = frame.settings
    if not paths:
        check_configured(settings)
    engine = frame.engine()
    if engine:
        with Progress("loading") as progress:
            report = engine.load(paths or [], format.value, progress)
    else:
        with frame.warehouse() as warehouse, Progress("loading") as progress:
            if paths:
                report = load_files(paths, format.value, warehouse, settings, progress)
            else:
                report = take_in(settings, warehouse, progress)
    if as_json:
        say(_as_json(report))
    else:
        _print(report, frame, "file" if paths else "table")
        if report.accepted:
            say(
                "The engine is running and brings the tables up to date."
                if engine
                else f"Next: {frame.command('build')}"
            )
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for file in report.files:
        if file.error:
            typer.echo(f"error: {file.error}", err=True)
    if any(file.error for file in report.files):
        raise typer.Exit(1)


def _as_json(report: "LoadReport") -> str:
    return json.dumps(
        {
            "accepted": report.accepted,
            "duplicates": report.duplicates,
            "dead_letters": report.dead_letters,
            "reasons": report.reasons,
            "warnings": report.warnings,
            "files": [asdict(file) for file in report.files],
        },
        ensure_ascii=False,
        indent=2,
        default=str,
    )


def _print(report: "LoadReport", frame: Frame, what: str) -> None:
    if not report.files:
        say("The export holds nothing new.")
        return
    say(
        f"{counted(len(report.files), what)}: {report.accepted:,} accepted, "
        f"{counted(report.duplicates, 'duplicate')}, {counted(report.dead_letters, 'dead letter')}."
    )
    if report.dead_letters:
        for reason, count in sorted(report.reasons.items(), key=lambda item: (-item[1], item[0])):
            say(f"  {reason}: {count:,}")
        say(f"See them: {frame.command('query', SEE_DEAD_LETTERS)}")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(generate)
    app.command(epilog=epilog)(load)
