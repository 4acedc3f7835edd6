"""dead-letters: what was refused, and how it comes in after all."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.frame import Frame, counted, say
from headwater.errors import UsageError

if TYPE_CHECKING:
    from headwater.engine.dead_letters import Chosen

letters = typer.Typer(
    name="dead-letters", no_args_is_help=True, help="List, show, replay and drop what was refused."
)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Ids, or their first characters.")]
Reason = Annotated[str | None, typer.Option(metavar="WORD", help="Those refused for this reason.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Refused at this time (UTC) or later.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Refused before this time (UTC).")]
All = Annotated[bool, typer.Option("--all", help="All there are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@letters.command(name="list")
def list_(
    context: typer.Context,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters, and how many there are for each reason."""
    from headwater.cli.render import print_rows
    from headwater.engine.dead_letters import Chosen
    from headwater.engine.dead_letters import counts as counts_of
    from headwater.engine.dead_letters import letters as letters_of

    frame: Frame = context.obj
    chosen = Chosen(reason=reason, since=since, until=until)
    with frame.reader() as reader:
        found = letters_of(reader, chosen, limit)
        counts = counts_of(reader, chosen)
    if as_json:
        say(json.dumps({"reasons": counts, "dead_letters": found}, ensure_ascii=False, indent=2, default=str))
        return
    if not found:
        say("There are no dead letters" + (" that fit." if chosen != Chosen() else "."))
        return
    print_rows(
        ["id", "refused at", "reason", "detail", "from", "line"],
        [
            [
                letter["dead_letter_id"][:12],
                f"{letter['refused_at']:%Y-%m-%d %H:%M:%S}",
                letter["reason"],
                letter["detail"],
                letter["origin"],
                "" if letter["line"] is None else str(letter["line"]),
            ]
            for letter in found
        ],
    )
    total = ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))
    say(f"{counted(sum(counts.values()), 'dead letter')} ({total}).")
    say(f"One of them: {frame.command('dead-letters', 'show', found[0]['dead_letter_id'][:12])}")


@letters.command()
def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or its first characters.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its original."""
    from headwater.engine.dead_letters import one

    frame: Frame = context.obj
    with frame.reader() as reader:
        letter = one(reader, id)
    if as_json:
        say(json.dumps(letter, ensure_ascii=False, indent=2, default=str))
        return
    from headwater.cli.render import visible
    from headwater.originals import readable

    for name in ("dead_letter_id", "refused_at", "reason", "detail", "origin", "line", "attempts"):
        if letter[name] is not None:
            say(f"{name.replace('_', ' '):15} {visible(str(letter[name]))}")
    say("")
    say(visible(readable(letter["original"])))


@letters.command()
def replay(
    context: typer.Context,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    all_: All = False,
    as_json: AsJson = False,
) -> None:
    """Read dead letters again, after what was wrong is mended: each lands once, and a second replay changes nothing."""
    from dataclasses import asdict

    from headwater.engine.dead_letters import replay as replay_letters

    frame: Frame = context.obj
    chosen = _chosen(ids, reason, since, until, all_)
    engine = frame.engine()
    if engine:
        done = engine.replay(chosen)
    else:
        with frame.warehouse() as warehouse:
            done = replay_letters(frame.settings, warehouse, chosen)
    if as_json:
        say(json.dumps(asdict(done), indent=2))
        return
    say(
        f"{done.loaded:,} loaded, {counted(done.duplicates, 'duplicate')}, {done.still_refused:,} still refused."
    )
    for name, count in sorted(done.reasons.items()):
        say(f"  {name}: {count:,}")
    if done.loaded and not engine:
        say(f"Next: {frame.command('build')}")


@letters.command()
def drop(
    context: typer.Context,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    all_: All = False,
) -> None:
    """Delete dead letters for good."""
    from headwater.engine.dead_letters import drop as drop_letters

    frame: Frame = context.obj
    chosen = _chosen(ids, reason, since, until, all_)
    engine = frame.engine()
    if engine:
        dropped = engine.drop(chosen)
    else:
        with frame.warehouse() as warehouse:
            dropped = drop_letters(warehouse, chosen)
    say(f"{counted(dropped, 'dead letter')} dropped.")


def _chosen(
    ids: list[str] | None, reason: str | None, since: str | None, until: str | None, all_: bool
) -> "Chosen":
    from headwater.engine.dead_letters import Chosen

    if not (ids or reason or since or until or all_):
        raise UsageError("Say which: by ID, --reason, --since or --until, or --all for all there are.")
    return Chosen(tuple(ids or ()), reason, since, until)


def add_to(app: typer.Typer, epilog: str) -> None:
    app.add_typer(letters, epilog=epilog)
