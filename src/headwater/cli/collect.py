"""collect: the live door."""

import sys

import typer

from headwater.cli.frame import Frame, Supervised
from headwater.lifeline import end_with


def collect(context: typer.Context, supervised: Supervised = False) -> None:
    """Take events over HTTP: canonical events, the Measurement Protocol, Google's tag. Each answer means: on disk."""
    from headwater.collect.serve import serve

    if supervised:
        end_with(sys.stdin.fileno())
    frame: Frame = context.obj
    serve(frame.settings)


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(collect)
