"""explain: why a conversion was credited as it was."""

import shutil
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.frame import Frame, say
from headwater.errors import UsageError

if TYPE_CHECKING:
    from headwater.explain.words import Line


class ExplainFormat(StrEnum):
    text = "text"
    json = "json"


def explain(
    context: typer.Context,
    conversion_id: Annotated[
        str,
        typer.Argument(
            metavar="CONVERSION_ID",
            help="A conversion_id, its beginning (6 characters or more), or an order's transaction_id.",
        ),
    ],
    format: Annotated[ExplainFormat, typer.Option(help="A page to read, or its facts.")] = ExplainFormat.text,
) -> None:
    """Tell why a conversion was credited as it was: its journey and what each model made of it."""
    from headwater.explain import explain as facts_of
    from headwater.explain import page

    frame: Frame = context.obj
    if not conversion_id.strip():
        raise UsageError(
            "The CONVERSION_ID is empty; `headwater query 'select * from int_conversions'` lists them."
        )
    with frame.reader() as warehouse:
        facts = facts_of(conversion_id.strip(), warehouse, frame.settings)
    if format is ExplainFormat.json:
        from headwater.values import indented_json

        say(indented_json(asdict(facts)))
    else:
        _print(page(facts, shutil.get_terminal_size().columns, frame.command))


def _print(lines: "list[Line]") -> None:
    from rich.console import Console

    if not sys.stdout.isatty():
        say("\n".join(line.text for line in lines))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    styles = {"heading": "bold", "quiet": "dim", "plain": ""}
    for line in lines:
        console.print(line.text, style=styles[line.tone], soft_wrap=True)


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(explain)
