"""The commands as one application, and the options that go before or after each of them."""

from pathlib import Path
from typing import Annotated

import typer

from headwater import __version__
from headwater.cli import (
    build,
    channels,
    collect,
    config,
    cost,
    dashboard,
    dead_letters,
    docs,
    explain,
    keys,
    live,
    load,
    looker,
    query,
    rates,
    report,
    stream,
)
from headwater.cli.frame import Frame

EVERYWHERE = "Every command also takes --home DIR and --debug."
_OPTIONS = {"--home": True, "--debug": False}  # option → whether a value follows

app = typer.Typer(
    name="headwater",
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and with them passwords
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def headwater(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of headwater.toml and the warehouse. Default: HEADWATER_HOME, else .headwater here.",
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. HEADWATER_DEBUG=1 does the same.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
) -> None:
    """Where customers come from: GA4-shaped events in, attribution out."""
    frame: Frame = context.obj
    frame.home = home.expanduser() if home else frame.home
    frame.debug = debug or frame.debug
    if version:
        typer.echo(f"headwater {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


for room in (
    config,
    load,
    rates,
    build,
    query,
    report,
    explain,
    channels,
    live,
    collect,
    dashboard,
    stream,
    keys,
    dead_letters,
    docs,
    cost,
    looker,
):
    room.add_to(app, EVERYWHERE)


def run(arguments: list[str], frame: Frame) -> int:
    """Parses and runs; wrong usage is told in one sentence."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=common_options_first(arguments), prog_name="headwater", standalone_mode=False, obj=frame
        )
    except typer.Abort:
        return 130
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:
        # Typer's own errors have this method in every version, with click or with its own copy of it.
        if not hasattr(error, "format_message"):
            raise
        return _wrong_usage(error)
    return result if isinstance(result, int) else 0


def common_options_first(arguments: list[str]) -> list[str]:
    """Moves --home and --debug before the command, where the application reads them; `--` ends the search."""
    common, others = [], []
    words = iter(arguments)
    for word in words:
        if word == "--":
            others += [word, *words]
        elif word.partition("=")[0] not in _OPTIONS:
            others.append(word)
        else:
            common.append(word)
            if _OPTIONS.get(word):
                common += [value for value in [next(words, None)] if value is not None]
    return common + others


def _wrong_usage(error: Exception) -> int:
    message = " ".join(error.format_message().replace("Value error, ", "").split())  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "headwater"
    typer.echo(
        f"error: {message.rstrip('.')}{'' if message.endswith('?') else '.'} See `{path} --help`.", err=True
    )
    return int(getattr(error, "exit_code", 2))
