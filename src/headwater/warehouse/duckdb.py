"""DuckDB: the warehouse in one file, for one process at a time."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa

from headwater.errors import (
    QueryError,
    WarehouseError,
    WarehouseLocked,
)
from headwater.warehouse import schema
from headwater.warehouse.append import append
from headwater.warehouse.bounded import BATCH_ROWS, bounded
from headwater.warehouse.definitions import Definitions
from headwater.warehouse.duckdb_errors import translate
from headwater.warehouse.protocol import Appended, EventBatch, Kind, Mark, Parameter

MEMORY_LIMIT = (
    4 * 1024**3
)  # bytes of the engine's buffers; what does not fit goes to the temporary folder beside the file

# Bytes of the log beside the file. Whoever writes when it has reached the limit, 16 MB by itself, waits until all of
# it is in the file, for seconds where that is large. A higher limit spares a load of many files most of that, where the
# disk has plenty of room; the engine has one in any case, and puts the log into the file beside its other work.
LOG_TO_SETTLE, LOG_LIMIT = 64 * 1024**2, 256 * 1024**2
PLENTY = 16 * LOG_LIMIT  # bytes that are free
TASKS = 1  # in each table: room of deleted rows that is won back meanwhile. All at once can take seconds


def keep_memory_small(connection: duckdb.DuckDBPyConnection) -> None:
    """Lowers the limit, which DuckDB sets by the machine's or the container's memory, and never raises it."""
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    number, unit = str(row[0] if row else "").split()
    if float(number) * 1024 ** ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit) > MEMORY_LIMIT:
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT} bytes'")


def set_file_aside(path: Path, label: str) -> str | None:
    """Moves the file and its log; a file that another process holds stays where it is."""
    if not path.exists():
        return None
    try:
        duckdb.connect(str(path)).close()
    except duckdb.Error as error:
        known = translate(error, str(path))
        if isinstance(known, WarehouseLocked):
            raise known from error
    aside = path.with_name(f"{path.stem}.before-{label}{path.suffix}")
    try:
        path.rename(aside)
        log = path.with_name(path.name + ".wal")
        if log.exists():
            log.rename(aside.with_name(aside.name + ".wal"))
    except OSError as error:
        raise WarehouseError(
            f"{path} cannot be moved away ({error.strerror}): check the folder's rights."
        ) from error
    return str(aside)


# of a small answer's rows, which does not matter
warnings.filterwarnings("ignore", "Arrow output on a DB-API result makes an extra copy", UserWarning)

# Texts of which nearly each differs, in tables of which a tick wants a few rows: packed, all would be unpacked for it
LEFT_AS_THEY_ARE = frozenset({"person_id", "device_id", "session_key", "page_location"})
READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class DuckDBWarehouse(Definitions):
    schema = "main"
    NOW = "cast(now() at time zone 'UTC' as timestamp)"

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.url = f"duckdb:///{path}"
        self._is_read_only = read_only
        self._append_lock = Lock()
        if read_only and not path.exists():
            raise WarehouseError(
                f"There is no warehouse at {path} yet: run `headwater load PATH` to make one."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(str(path), read_only=read_only)
            self._prepare()
            keep_memory_small(self._connection)
            self._connection.execute("set preserve_insertion_order = true")
            if not read_only:
                for statement in schema.statements("varchar"):
                    self._connection.execute(statement)
                if shutil.disk_usage(path.parent).free >= PLENTY:
                    self._connection.execute(f"set checkpoint_threshold = '{LOG_LIMIT} bytes'")
        except duckdb.Error as error:
            raise translate(error, str(path)) from error
        except OSError as error:
            raise WarehouseError(
                f"{path.parent} cannot be used as a folder for the warehouse ({error.strerror}): "
                "choose another with --home."
            ) from error

    def _prepare(self) -> None:
        self._connection.execute("set timezone = 'UTC'")
        self._connection.execute("set enable_progress_bar = false")  # it would print among the answers

    def another(self) -> "DuckDBWarehouse":
        other = copy(self)  # the lock is shared
        with self._translated():
            other._connection = self._connection.cursor()
            other._prepare()
        return other

    def reader(self) -> "DuckDBReader":
        other = DuckDBReader.__new__(DuckDBReader)
        other.__dict__.update(self.another().__dict__)
        return other

    def snapshot(self) -> AbstractContextManager[None]:
        return self.transaction()

    def set_aside(self, label: str) -> str | None:
        self.close()
        return set_file_aside(self.path, label)

    def confine(self, readable: Sequence[Path]) -> None:
        if not self._is_read_only:
            self.workbench()  # attaching it is an access, too
        folders = ", ".join("'" + str(folder).replace("'", "''") + "'" for folder in readable)
        self.execute(f"set allowed_directories = [{folders}]")
        self.execute("set enable_external_access = false")

    def excess(self) -> str | None:
        return None  # `confine` has taken it

    def lease(self) -> AbstractContextManager[Callable[[], None]]:
        return nullcontext(lambda: None)  # the file's lock has seen to it

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise translate(error, str(self.path)) from error

    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None:
        with self._translated():
            self._connection.execute(sql, list(parameters) or None)

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        with self._translated():
            relation = self._connection.sql(sql, params=list(parameters) or None)
            return pa.table({}) if relation is None else relation.to_arrow_table()

    def query_as_written(self, sql: str) -> pa.Table:
        return self.query(sql)

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        with self._translated():
            relation = self._connection.sql(sql, params=list(parameters) or None)
            return (
                pa.table({})
                if relation is None
                else bounded(relation.to_arrow_reader(BATCH_ROWS), most_bytes)
            )

    def insert(self, table: str, rows: pa.Table) -> None:
        with self._translated():
            self._connection.register("rows_to_insert", rows)
            self._connection.execute(f"insert into {table} by name select * from rows_to_insert")
            self._connection.unregister("rows_to_insert")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("begin")
        try:
            yield
            self.execute("commit")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with suppress(duckdb.Error):  # a failed commit has rolled back already
            self._connection.execute("rollback")

    def append(
        self,
        table: str,
        origin: str,
        batches: Iterable[EventBatch],
        *,
        ids_are_computed: bool = False,
        mark: Mark | None = None,
    ) -> Appended:
        return append(self, table, origin, batches, ids_are_computed=ids_are_computed, mark=mark)

    @contextmanager
    def appending(self) -> Iterator[None]:
        """One process holds the file; its threads take turns."""
        with self._append_lock, self.transaction():
            yield

    def rows_where(self, table: str, alias: str, condition: str) -> str:
        """Few rows out of many: their places are found by the condition's columns, the others are read there only."""
        return f"{alias}.rowid in (select {alias}.rowid from {table} as {alias} where {condition})"

    def create_temporary(self, table: str, table_schema: pa.Schema) -> None:
        columns = ", ".join(f"{field.name} {schema.sql_type(field, 'varchar')}" for field in table_schema)
        self.execute(f"create or replace temporary table {table} ({columns})")

    def row_as_json(self, columns: Sequence[str]) -> str:
        fields = ", ".join(f"'{name}': {name}" for name in columns)
        return f"cast(to_json({{{fields}}}) as varchar)"

    def quarter_hour(self, timestamp: str) -> str:
        return f"time_bucket(interval '15 minutes', {timestamp})"

    def tables(self) -> list[str]:
        found = self.query(
            """
            select table_name from information_schema.tables
            where table_schema = 'main' and table_catalog = current_database() and table_name not like 'headwater_%'
            order by table_name
            """
        )
        return list(found["table_name"].to_pylist())

    def relations(self, schema: str) -> dict[str, Kind]:
        found = self.query(
            "select table_name, table_type from information_schema.tables "
            f"where table_catalog = current_database() and table_schema = '{schema}'"
        ).to_pylist()
        return {row["table_name"]: "view" if row["table_type"] == "VIEW" else "table" for row in found}

    def columns(self, schema: str, table: str) -> list[str]:
        found = self.query(
            f"""
            select column_name from information_schema.columns
            where table_catalog = current_database() and table_schema = '{schema}' and table_name = '{table}'
            order by ordinal_position
            """
        )
        return list(found["column_name"].to_pylist())

    def make_like(self, target: str, source: str) -> None:
        columns = self.query(f"select column_name, column_type from (describe {source})").to_pylist()
        definitions = (
            f"{column['column_name']} {column['column_type']}"
            f"{' using compression uncompressed' if column['column_name'] in LEFT_AS_THEY_ARE else ''}"
            for column in columns
        )
        self.execute(f"create or replace table {target} ({', '.join(definitions)})")

    def index(self, table: str) -> None:
        """A scan of one column is quicker here than an index would be to keep."""

    def workbench(self) -> str:
        self.execute("attach if not exists ':memory:' as headwater_bench")
        return "headwater_bench.main"

    def analyze(self, table: str) -> None:
        """Statistics are kept with every table."""

    def settle(self) -> None:
        log = self.path.with_name(self.path.name + ".wal")
        with closing(self.another()) as own:
            own.execute(f"set checkpoint_threshold = '{LOG_LIMIT} bytes'")
            own.execute(f"set max_vacuum_tasks = {TASKS}")
            if log.exists() and log.stat().st_size >= LOG_TO_SETTLE:
                own.execute("checkpoint")

    def unqualified(self, sql: str) -> str:
        return sql.replace(f'"{self.path.stem}".', "")

    def only_builder(self) -> AbstractContextManager[None]:
        return nullcontext()  # the file's lock has seen to it

    def dbt_output(self, schema: str, *, beside_ticks: bool = False) -> dict[str, Any]:
        return {
            "type": "duckdb",
            "path": str(self.path),
            "schema": schema,
            "threads": 1 if beside_ticks else os.cpu_count() or 2,
            "settings": {"TimeZone": "UTC", "enable_progress_bar": False},
        }

    def close(self) -> None:
        self._connection.close()


class DuckDBReader(DuckDBWarehouse):
    """Takes one statement that reads, in a transaction that cannot write."""

    _in_snapshot = False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self.execute("begin transaction read only")
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            self._roll_back()

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        """For small answers: what is parsed already is planned once, where a relation would be planned twice, and that
        is much of the work. Its rows are copied once more."""
        with self._only_reading(sql) as statement, self._translated():
            return self._connection.execute(statement, list(parameters) or None).to_arrow_table()

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        with self._only_reading(sql):
            return super().query_within(most_bytes, sql, parameters)

    @contextmanager
    def _only_reading(self, sql: str) -> Iterator[duckdb.Statement]:
        with self._translated():
            statements = self._connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in READING:
            raise QueryError(
                "A query is one statement that only reads: ask with a select, describe, summarize or explain."
            )
        if self._in_snapshot:
            yield statements[0]
            return
        with self.snapshot():
            yield statements[0]
