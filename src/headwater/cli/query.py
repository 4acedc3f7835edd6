"""query, export, tables: reading what is there."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.frame import Frame, counted, say, text_output, written
from headwater.errors import QueryError, UnknownTable, UsageError

if TYPE_CHECKING:
    from headwater.warehouse.protocol import Reader


class QueryFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


class ExportFormat(StrEnum):
    csv = "csv"
    parquet = "parquet"


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement that reads; quote it.")],
    format: Annotated[QueryFormat, typer.Option(help="How to print the rows.")] = QueryFormat.table,
) -> None:
    """Run SQL on the warehouse and print the rows."""
    from headwater.cli.render import print_table
    from headwater.rows import write_csv, write_json

    if not sql.strip():
        raise UsageError(
            "The SQL is empty; try `headwater query 'select * from mart_attribution_comparison'`."
        )
    with context.obj.reader() as warehouse:
        try:
            rows = warehouse.query_as_written(sql)
        except UnknownTable as error:
            raise _no_table(error.name, warehouse) from error
    if format is QueryFormat.table:
        print_table(rows)
    else:
        with text_output(None) as file:
            {QueryFormat.csv: write_csv, QueryFormat.json: write_json}[format](rows, file)


def export(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table; `headwater tables` lists them.")],
    format: Annotated[ExportFormat, typer.Option(help="What to write.")] = ExportFormat.csv,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to. Default: stdout for csv, TABLE.parquet for parquet."),
    ] = None,
) -> None:
    """Write a whole table as CSV or Parquet."""
    from headwater.rows import write_csv

    with context.obj.reader() as warehouse:
        name = _known_table(table, warehouse)
        rows = warehouse.query(f"select * from {name}")
    if format is ExportFormat.csv:
        with text_output(out) as file:
            write_csv(rows, file)
    else:
        out = out or Path(f"{name}.parquet")
        _write_parquet(rows, out)
    if out is not None:
        typer.echo(f"Wrote {counted(rows.num_rows, 'row')} of {name} to {out}.", err=True)


def _known_table(name: str, warehouse: "Reader") -> str:
    for table in warehouse.tables():
        if table.lower() == name.lower():
            return table
    raise _no_table(name, warehouse)


def _no_table(name: str, warehouse: "Reader") -> QueryError:
    """Names the nearest table; a mart that is not built yet is no slip of the pen."""
    from headwater.settings import nearest

    near = nearest(name, warehouse.tables())
    return QueryError(f"There is no table {name!r}; did you mean {near}?") if near else UnknownTable(name)


def _write_parquet(rows: Any, path: Path) -> None:
    import pyarrow.parquet

    with written(path) as part:
        pyarrow.parquet.write_table(rows, part)


def tables(context: typer.Context) -> None:
    """List the tables that can be queried, and what each row of them is."""
    from headwater.cli.descriptions import descriptions
    from headwater.cli.render import print_rows

    frame: Frame = context.obj
    with frame.reader() as warehouse:
        names = warehouse.tables()
    known = descriptions()
    print_rows(["table", "what it holds"], [[name, known.get(name, "")] for name in names])
    if not any(name.startswith("mart_") for name in names):
        say(f"The attribution tables are not built yet: {frame.command('build')}")


def add_to(app: typer.Typer, epilog: str) -> None:
    app.command(epilog=epilog)(query)
    app.command(epilog=epilog)(export)
    app.command(epilog=epilog)(tables)
