"""up, engine, status: the live product."""

import json
import sys
from typing import Annotated, Any

import typer

from headwater.cli.frame import Frame, Supervised, counted, say
from headwater.lifeline import end_with


def up(
    context: typer.Context,
    no_dashboard: Annotated[
        bool, typer.Option("--no-dashboard", help="Start the door and the engine only.")
    ] = False,
) -> None:
    """Start the door, the engine and the dashboard under one supervisor; Ctrl-C stops them cleanly."""
    from headwater.dashboard.launch import HOW_TO_GET_IT, is_installed
    from headwater.engine.up import up as start

    frame: Frame = context.obj
    has_dashboard = not no_dashboard and is_installed()
    if not has_dashboard and not no_dashboard:
        typer.echo(HOW_TO_GET_IT)
    start(frame.settings, lambda line: typer.echo(line), dashboard=has_dashboard)


def engine(context: typer.Context, supervised: Supervised = False) -> None:
    """Load what the door takes and keep the tables up to date, without the door itself."""
    from headwater.engine.serve import serve

    if supervised:
        end_with(sys.stdin.fileno())
    frame: Frame = context.obj
    serve(frame.settings)


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the books, how fresh the tables are, how long each stage takes, and what is wrong."""
    frame: Frame = context.obj
    found = _status(frame)
    if as_json:
        say(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(found)


def rebuild(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make the warehouse anew from the loaded files and the journal (or Kafka); the old one is kept aside."""
    from dataclasses import asdict

    from headwater.engine.rebuild import rebuild as make_anew

    frame: Frame = context.obj
    done = make_anew(frame.settings, lambda line: typer.echo(line, err=True))
    url = frame.settings.collect.journal_url
    source, keeping = ("Kafka", "the topic's retention") if url else ("the journal", "collect.retention_days")
    if as_json:
        say(json.dumps(asdict(done), ensure_ascii=False, indent=2))
    else:
        say(
            f"Rebuilt: {counted(done.loaded, 'event')} from {counted(done.files, 'file')}, "
            f"{counted(done.streamed, 'event')} from {source}, {counted(done.persons, 'person')}."
        )
    for missing in done.missing:
        typer.echo(f"error: not loaded again: {missing}", err=True)
    if done.lost:
        typer.echo(
            f"warning: {counted(done.lost, 'streamed event')} that were in the old warehouse had left {source} "
            f"after {keeping} and are not in the new one.",
            err=True,
        )
    if done.missing:
        raise typer.Exit(1)


def _status(frame: Frame) -> dict[str, Any]:
    running = frame.engine()
    if running:
        return running.status()
    from headwater.engine.books import entry
    from headwater.engine.status import status as status_of
    from headwater.fan_in import open_intake
    from headwater.journal import FILE_NAME

    is_there = frame.settings.collect.journal_url or (frame.settings.home / FILE_NAME).exists()
    journal = open_intake(frame.settings) if is_there else None
    try:
        if journal:
            journal.parts()  # a broker is asked for them
        with frame.warehouse() as warehouse:
            return status_of(frame.settings, entry(warehouse, journal), journal, None)
    finally:
        if journal:
            journal.close()


def _print(found: dict[str, Any]) -> None:
    from headwater.cli.render import print_rows

    say(f"{found['state']}: {_sentence(found)}")
    kinds = ("loaded", "duplicates", "dead_letters", *(["pending"] if found["pending"] is not None else []))
    parts = [f"{found[name]:,} {name.replace('_', ' ')}" for name in kinds]
    if found["lost"]:
        parts.append(f"{found['lost']:,} lost")
    verb = "accepted" if found["pending"] is not None else "taken from the broker"
    say(f"books: {counted(found['accepted'], 'event')} {verb} = {' + '.join(parts)}")
    if found["pending"] is None:
        say("  (Pub/Sub does not tell how many it still holds: Google's monitoring counts them)")
    if broker := found["broker"]:
        say(f"broker: {broker['kind']} {broker['name']}")
    if found["dead_letters"]:
        say(
            "  (each refusal is counted; `headwater dead-letters list` has equal ones once, and none that were dropped)"
        )
    journal = found["journal"]
    if journal:
        kept = f", kept since {journal['kept_since']}" if journal["kept_since"] else ""
        say(f"journal: {journal['size_bytes'] / 2**20:,.1f} of {journal['max_bytes'] / 2**20:,.0f} MB{kept}")
        if journal["dropped_early"]:
            say(
                f"  {counted(journal['dropped_early'], 'loaded event')} up to {journal['dropped_early_until']} "
                "gave way before their time: `headwater rebuild` cannot bring them back; raise collect.journal_max_mb."
            )
        if journal["salvaged"]:
            say(f"  the journal was found damaged and salvaged: {json.dumps(journal['salvaged'])}")
    rows = [
        [stage.replace("_", " "), *("-" if value is None else f"{value:.3f}" for value in quantiles.values())]
        for stage, quantiles in found["latency"].items()
    ]
    if any(cell != "-" for row in rows for cell in row[1:]):
        print_rows(["seconds, last five minutes", "p50", "p95", "p99"], rows, [False, True, True, True])
    for alert in found["alerts"]:
        say(f"alert {alert['name']} since {alert['since']}, {alert['attempts']} attempts: {alert['message']}")


def _sentence(found: dict[str, Any]) -> str:
    return {
        "stopped": "no engine is running; `headwater up` starts one.",
        "fresh": "all that was accepted can be seen.",
        "behind": f"the oldest event that cannot be seen yet has waited {found['freshness_seconds']:.1f} s.",
        "alert": "something is wrong, see below.",
    }[found["state"]]


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(up)
    app.command(epilog=epilog)(engine)
    app.command(epilog=epilog)(status)
    app.command(epilog=epilog)(rebuild)
