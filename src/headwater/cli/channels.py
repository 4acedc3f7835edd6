"""classify: which channel a tagged link will count for."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.frame import text_output


class Group(StrEnum):
    ga4 = "ga4"
    simple = "simple"


def classify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV with source, medium, campaign.")],
    group: Annotated[
        Group | None, typer.Option(help="Channel group. Default: the setting attribution.channel_group.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add a column with the rule that decided.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to. Default: stdout.")] = None,
) -> None:
    """Add the channel to each row of a CSV file of campaign tags."""
    from headwater.classify import classify_csv

    settings = context.obj.settings
    with text_output(out) as output:
        classify_csv(
            file,
            output,
            group=group.value if group else settings.attribution.channel_group,
            custom_rules=settings.channel_rules,
            explain=explain,
        )


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(classify)
