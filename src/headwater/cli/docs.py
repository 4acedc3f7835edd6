"""docs: every table and column on one page."""

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.frame import Frame, say
from headwater.errors import QueryError


def docs(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write index.html to. Default: docs in the home."),
    ] = None,
) -> None:
    """Write the documentation of every table and column, and how they depend on each other, as one page."""
    from headwater.cli.progress import Progress
    from headwater.transform.docs import generate_docs

    frame: Frame = context.obj
    settings = frame.settings
    with frame.warehouse(read_only=True) as warehouse:
        if "int_conversions" not in warehouse.tables():
            raise QueryError(f"There are no tables to describe yet; run `{frame.command('build')}` first.")
    with Progress("describing the tables"):  # dbt opens the warehouse itself, once it is closed here
        page = generate_docs(settings, warehouse, out or settings.home / "docs")
    say(f"The documentation is one file, {page}.")
    say(f"Open it in a browser: {page.absolute().as_uri()}")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(docs)
