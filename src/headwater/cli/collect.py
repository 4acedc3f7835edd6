"""collect: the live door."""

import typer

from headwater.cli.frame import Frame


def collect(context: typer.Context) -> None:
    """Take events over HTTP: canonical events, the Measurement Protocol, Google's tag. Each answer means: on disk."""
    from headwater.collect.serve import serve

    frame: Frame = context.obj
    serve(frame.settings)


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(collect)
