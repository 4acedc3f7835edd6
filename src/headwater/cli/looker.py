"""looker: a report on the marts."""

from typing import Annotated

import typer

from headwater.cli.frame import Frame, say


def looker(
    context: typer.Context,
    report_id: Annotated[
        str, typer.Option(metavar="ID", help="A report of yours to copy, with sources of the same names.")
    ] = "",
    billing_project: Annotated[
        str,
        typer.Option(metavar="PROJECT", help="Who pays for the report's queries. Default: the warehouse's."),
    ] = "",
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the report is called.")] = "Attribution",
) -> None:
    """Print the address that opens a Looker Studio report on the marts; for warehouses on BigQuery."""
    from headwater.operate.looker import link

    frame: Frame = context.obj
    say(link(frame.settings.warehouse.url, report_id=report_id, billing_project=billing_project, name=name))


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(looker)
