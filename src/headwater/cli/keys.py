"""keys: who may send events, and who may read the API."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.cli.frame import Frame, say
from headwater.errors import UsageError

keys = typer.Typer(
    name="keys",
    no_args_is_help=True,
    help="Make, list and remove the keys that events are sent with, or the API is read with.",
)


@keys.command()
def add(
    context: typer.Context,
    stream: Annotated[
        str,
        typer.Option(metavar="ID", help="The one stream that the key may write to. Default: every stream."),
    ] = "*",
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What the list calls it.")] = None,
    read: Annotated[
        bool, typer.Option("--read", help="A key that reads the API from other machines, and sends nothing.")
    ] = False,
) -> None:
    """Make a key. Its secret is shown this once: only its SHA-256 is kept."""
    from headwater.collect.keys import EVERY_STREAM, add_key

    frame: Frame = context.obj
    if read and stream != EVERY_STREAM:
        raise UsageError("A key that reads, reads every stream: leave out --stream or --read.")
    key, secret = add_key(frame.settings.home, stream, name, reads=read)
    say(secret)
    where = (
        "reading" if read else "every stream" if key.stream == EVERY_STREAM else f"the stream {key.stream}"
    )
    typer.echo(f"Key {key.name!r} for {where}. Keep the line above: it is not shown again.", err=True)


@keys.command(name="list")
def list_(context: typer.Context) -> None:
    """List the keys: names and streams, no secrets."""
    from headwater.collect.keys import list_keys

    frame: Frame = context.obj
    found = list_keys(frame.settings.home)
    if not found:
        say(f"There are no keys yet: {frame.command('keys', 'add')}")
        return
    table = Table("name", "for", "stream", "made")
    for key in found:
        table.add_row(key.name, "reading" if key.reads else "sending", key.stream, key.created_at)
    Console().print(table)


@keys.command()
def remove(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="As the list calls it.")]
) -> None:
    """Remove a key: what is sent with it is refused from now on."""
    from headwater.collect.keys import remove_key

    frame: Frame = context.obj
    remove_key(frame.settings.home, name)
    say(f"Key {name!r} is removed.")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.add_typer(keys, epilog=epilog)
