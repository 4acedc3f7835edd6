"""Serves local-bigquery on 127.0.0.1, with what it lacks; runs in the stand-in's own environment, not in the product's.

    .venv-bigquery/bin/python tests/bigquery/standins/serve_bigquery.py --port 9050 --grpc-port 9060 --data-dir DIR

local-bigquery binds every interface and looks for DuckDB's extensions in the user's home: here it does neither. Port 0
takes a free port. When both doors are open, one line says where: `ready http://127.0.0.1:PORT 127.0.0.1:GRPC`.
"""

import argparse
import functools
import threading
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
import uvicorn
from install_extensions import FOLDER
from sqlglot import exp

HOST = "127.0.0.1"

# before local_bigquery is imported, so that all its connections find the extensions, and none asks the network. Tests
# have few rows: a better order of joins costs more than it saves, since it asks a lake for statistics in SQL.
_connect = duckdb.connect


def connect(database: Any = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None) -> Any:
    placed = {
        "extension_directory": str(FOLDER),
        "autoinstall_known_extensions": "false",
        "threads": 1,
        "disabled_optimizers": "join_order",
    }
    return _connect(database, read_only, {**placed, **(config or {})})


duckdb.connect = connect

from local_bigquery import app, errors  # noqa: E402
from local_bigquery.api import jobs  # noqa: E402
from local_bigquery.catalog import metadata, tables  # noqa: E402
from local_bigquery.engine import database, sessions  # noqa: E402
from local_bigquery.grpc import server as storage  # noqa: E402
from local_bigquery.jobs import merge, query, runner  # noqa: E402
from local_bigquery.settings import settings  # noqa: E402
from local_bigquery.sql import script  # noqa: E402
from local_bigquery.sql.dialect import BigQueryDialect  # noqa: E402
from local_bigquery.sql.rules import tables as table_rules  # noqa: E402

CTAS = "CREATE_TABLE_AS_SELECT"


def report_destination(query: Any) -> Any:
    """A job of CREATE TABLE AS SELECT names its table as its destination, as BigQuery does and dbt relies on."""

    @functools.wraps(query)
    def run(job: Any, *rest: Any) -> Any:
        statistics = query(job, *rest)
        if statistics.query.statementType == CTAS:
            job.configuration.query.destinationTable = statistics.query.ddlTargetTable
        return statistics

    return run


def without_rows(results: Any) -> Any:
    """But its rows are not the job's result."""

    @functools.wraps(results)
    def answer(job: Any, *rest: Any) -> Any:
        statistics = job.statistics.query
        if statistics and statistics.statementType == CTAS:
            query = job.configuration.query.replace(destinationTable=None)
            job = job.replace(configuration=job.configuration.replace(query=query))
        return results(job, *rest)

    return answer


def set_from_struct(assign: Any) -> Any:
    """`SET (a, b) = (SELECT AS STRUCT …)`, or any other struct: one value for each name, by position."""

    @functools.wraps(assign)
    def run(self: Any, statement: Any) -> None:
        tree = sqlglot.parse_one(statement.text, dialect=BigQueryDialect)
        for item in tree.expressions:
            target, value = item.this.this, item.this.expression
            if not isinstance(target, exp.Tuple | exp.Paren) or isinstance(value, exp.Tuple):
                return assign(self, statement)
            names = target.expressions if isinstance(target, exp.Tuple) else [target.this]
            struct = self.store(with_names(value) if isinstance(value, exp.Struct) else value)
            for place, name in enumerate(names, 1):
                self.cursor.execute(
                    f"UPDATE {self.variable(name.name)} SET {script.VALUE} = "
                    f"(SELECT struct_extract_at({script.VALUE}, {place}) FROM {struct})"
                )

    return run


def with_names(struct: exp.Struct) -> exp.Struct:
    """DuckDB keeps no struct whose fields have no names."""
    values = [
        field.expression if isinstance(field, exp.PropertyEQ) else field.unalias()
        for field in struct.expressions
    ]
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(f"f{n}"), expression=value) for n, value in enumerate(values)
    ]
    return exp.Struct(expressions=fields)


# What local-bigquery asks DuckDB's catalog, which reads all of a lake's tables for each answer, and most of a suite's
# time: the same out of the lake's own tables. They hold what is committed, as does any other cursor than the writer's.
NAMED = """
    FROM {lake}.ducklake_{kind} AS named JOIN {lake}.ducklake_schema AS place USING (schema_id)
    WHERE named.end_snapshot IS NULL AND place.end_snapshot IS NULL AND place.schema_name = $1
"""
TABLES = NAMED.replace("{kind}", "table")
VIEWS = NAMED.replace("{kind}", "view")
FROM_THE_LAKE = {
    "SELECT 1 FROM duckdb_schemas()": """
        SELECT 1 FROM {lake}.ducklake_schema WHERE end_snapshot IS NULL AND schema_name = $1
    """,
    "FROM duckdb_tables() WHERE database_name = $1": f"""
        SELECT table_name, 'TABLE', coalesce((
            SELECT record_count FROM {{lake}}.ducklake_table_stats AS stats WHERE stats.table_id = named.table_id
        ), 0) {TABLES} AND table_name = coalesce($2, table_name)
        UNION ALL SELECT view_name, 'VIEW', 0 {VIEWS} AND view_name = coalesce($2, view_name) ORDER BY 1
    """,
    "SELECT column_name FROM duckdb_columns()": f"""
        SELECT column_name FROM {{lake}}.ducklake_column AS field WHERE end_snapshot IS NULL AND NOT nulls_allowed
        AND parent_column IS NULL AND table_id IN (SELECT table_id {TABLES} AND table_name = $2)
    """,
    "SELECT 1 FROM duckdb_columns()": f"""
        SELECT 1 FROM {{lake}}.ducklake_column AS field WHERE end_snapshot IS NULL AND column_name = $3
        AND table_id IN (SELECT table_id {TABLES} AND table_name = $2)
    """,
}


def from_the_lake(fetch: Any) -> Any:
    @functools.wraps(fetch)
    def run(sql: str, params: list[Any] | None = None) -> Any:
        known = next((asked for asked in FROM_THE_LAKE if asked in sql), None)
        if known is None or not params:
            return fetch(sql, params)
        if params[:2] == RESULTS and params[2:] not in ([], [None]):
            return of_result(fetch, known, *params[2:])
        if params[0] not in database._attached:
            return fetch(sql, params)
        lake = database.quote(f"__ducklake_metadata_{params[0]}")
        return fetch(FROM_THE_LAKE[known].replace("{lake}", lake), params[1:])

    return run


RESULTS = ["emulator", "_results"]  # the answer of each job is a table there


def of_result(fetch: Any, asked: str, name: str, column: str = "") -> list[tuple[Any, ...]]:
    table = database.quote(*RESULTS, name)
    try:
        columns = fetch('SELECT name, "notnull" FROM pragma_table_info(?)', [table])
    except duckdb.CatalogException:
        return []
    if "duckdb_tables" in asked:
        return [(name, "TABLE", *fetch(f"SELECT count(*) FROM {table}")[0])]
    return [(one,) for one, is_required in columns if (one == column if column else is_required)]


class Noted:
    """What local-bigquery writes down of tables and datasets, and reads several times for each statement: read once, as
    nobody else writes it."""

    def __init__(self) -> None:
        self.found: dict[tuple[Any, ...], list[Any]] = {}
        self.writes = 0
        self.turn = threading.Lock()

    def read(self, list_: Any) -> Any:
        @functools.wraps(list_)
        def run(*asked: Any) -> list[Any]:
            found, writes = self.found.get(asked), self.writes
            if found is None:
                found = list_(*asked)
                with self.turn:
                    if writes == self.writes:
                        self.found[asked] = found
            return [one.model_copy() for one in found]

        return run

    def written(self, write: Any) -> Any:
        @functools.wraps(write)
        def run(what: Any, *keys: str) -> Any:
            try:
                return write(what, *keys)
            finally:
                kind = what if isinstance(what, type) else type(what)
                with self.turn:
                    self.writes += 1
                    for asked in [one for one in self.found if overlap(one, (kind, *keys))]:
                        del self.found[asked]

        return run


def overlap(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Keys name a thing, or all that is below it."""
    return all(left == right for left, right in zip(one, other, strict=False))


class Used:
    """A cursor that need not look through all tables there are for the temporary ones: its session knows them."""

    TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def sql(self, sql: str, *rest: Any, **named: Any) -> Any:
        return self.cursor.sql("SELECT '' LIMIT 0" if sql == self.TEMPORARY else sql, *rest, **named)


def used_cursors(execute: Any) -> Any:
    @functools.wraps(execute)
    def run(cursor: Any, *rest: Any, **named: Any) -> Any:
        return execute(Used(cursor), *rest, **named)

    return run


class Planned:
    """A cursor that has planned a query once need not do it again to say what its columns are."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.relations: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def sql(self, sql: str, *rest: Any, **named: Any) -> Any:
        if sql not in self.relations:
            self.relations[sql] = self.cursor.sql(sql, *rest, **named)
        return self.relations[sql]


def planned_once(write: Any) -> Any:
    @functools.wraps(write)
    def run(cursor: Any, *rest: Any, **named: Any) -> Any:
        return write(Planned(cursor), *rest, **named)

    return run


def temporary_tables(context: Any) -> Any:
    """Those that statements of the session have made, and that are still there."""

    @functools.wraps(context)
    def make(*rest: Any, **named: Any) -> Any:
        made = context(*rest, **named)
        if session := sessions._sessions.get(made.system.get("session_id")):
            made.temporary |= {
                name for name in getattr(session, "made", ()) if is_there(session.cursor, name)
            }
            session.made = made.temporary
        return made

    return make


def is_there(cursor: Any, temporary: str) -> bool:
    try:
        cursor.execute("SELECT 1 FROM pragma_table_info(?)", [database.quote("temp", "main", temporary)])
    except duckdb.CatalogException:
        return False
    return True


def drop_temporary(statistics: Any) -> Any:
    """`DROP TABLE IF EXISTS _session.name` drops a temporary table that is there, as it does without the IF EXISTS."""

    @functools.wraps(statistics)
    def run(tree: Any, context: Any, *rest: Any) -> Any:
        table = tree.find(exp.Table) if isinstance(tree, exp.Drop) else None
        if table and table.db.casefold() == "_session" and table.name.casefold() in context.temporary:
            tree.set("exists", False)
        return statistics(tree, context, *rest)

    return run


class InTransaction:
    """A cursor within a transaction: a second BEGIN is refused before DuckDB hears it, and gives up the first."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def execute(self, sql: str, *rest: Any) -> Any:
        if sql == "BEGIN":
            raise duckdb.TransactionException("a transaction is open")
        return self.cursor.execute(sql, *rest)


def merge_in_transaction(merge_rows: Any) -> Any:
    """MERGE takes part in the transaction that is open."""

    @functools.wraps(merge_rows)
    def run(cursor: Any, *rest: Any) -> Any:
        # now() is when the transaction began: the same for two statements only in one that is open
        first, second = (cursor.execute("SELECT epoch_us(now())").fetchone() for _ in range(2))
        return merge_rows(InTransaction(cursor) if first == second else cursor, *rest)

    return run


def rename(check: Any) -> Any:
    """`ALTER TABLE … RENAME TO name`: the new name is no table yet, and DuckDB takes it without a dataset."""

    @functools.wraps(check)
    def run(tree: Any, table: Any, is_target: bool) -> Any:
        if isinstance(table.parent, exp.AlterRename):
            table.set("catalog", None)
            table.set("db", None)
            return None
        return check(tree, table, is_target)

    return run


def refuse_decorator(reference: Any) -> Any:
    """`table$20260101` would become a table of that name, and the partition stay as it is: say so."""

    @functools.wraps(reference)
    def run(destination: Any) -> Any:
        if "$" in (destination.tableId or ""):
            raise errors.BigQueryError(
                "notImplemented", f"the stand-in has no partition decorators: {destination.tableId}"
            )
        return reference(destination)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description="local-bigquery on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--project", default="local")
    parser.add_argument("--dataset", default="local")
    args = parser.parse_args()
    settings.bigquery_host = HOST
    settings.data_dir = args.data_dir
    settings.default_project_id = args.project
    settings.default_dataset_id = args.dataset
    # the macros of GEOGRAPHY need one more extension, and nothing here asks for them
    database.FUNCTIONS = [path for path in database.FUNCTIONS if path.stem != "geography"]
    database.fetch = from_the_lake(database.fetch)
    noted = Noted()
    metadata.list_ = noted.read(metadata.list_)
    metadata.save, metadata.delete = noted.written(metadata.save), noted.written(metadata.delete)
    query.execute = used_cursors(query.execute)
    query.Context = temporary_tables(query.Context)
    query._ddl = drop_temporary(query._ddl)
    runner._query = report_destination(runner._query)
    jobs.results = without_rows(jobs.results)
    merge.run = merge_in_transaction(merge.run)
    table_rules._check = rename(table_rules._check)
    tables.write = planned_once(tables.write)
    tables.reference = refuse_decorator(tables.reference)
    script.Interpreter.set = set_from_struct(script.Interpreter.set)

    grpc_server, grpc_port = storage.start(HOST, args.grpc_port)
    rest = uvicorn.Server(uvicorn.Config(app, host=HOST, port=args.port, log_level="warning"))

    def announce() -> None:
        while not rest.started:
            threading.Event().wait(0.02)
        port = rest.servers[0].sockets[0].getsockname()[1]
        print(f"ready http://{HOST}:{port} {HOST}:{grpc_port}", flush=True)

    threading.Thread(target=announce, daemon=True).start()
    rest.run()
    grpc_server.stop(None)


if __name__ == "__main__":
    main()
