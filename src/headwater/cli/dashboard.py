"""dashboard: the pages in a browser."""

import sys
from typing import Annotated

import typer

from headwater.cli.frame import Frame, Supervised, say
from headwater.lifeline import end_with


def dashboard(
    context: typer.Context,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The read API to show. Default: the engine on this machine, at serve.port."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where to listen, on this machine. Default: dashboard.port."),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The environment variable with the key for an API elsewhere."),
    ] = None,
    supervised: Supervised = False,
) -> None:
    """Show where customers come from, in a browser. `headwater up` starts it, too."""
    from headwater.dashboard.launch import address, serve, token_from

    if supervised:
        end_with(sys.stdin.fileno())
    frame: Frame = context.obj
    settings = frame.settings
    chosen = port or settings.dashboard.port
    if not supervised:
        say(f"Dashboard: {address(chosen)}  (Ctrl-C stops)")
    serve(api or f"http://127.0.0.1:{settings.serve.port}", chosen, token_from(token_env))


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(dashboard)
