"""PostgreSQL, through ADBC: Arrow in by COPY, Arrow out."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from headwater.errors import (
    WarehouseError,
    WarehouseLocked,
)
from headwater.warehouse import schema
from headwater.warehouse.append import append
from headwater.warehouse.bounded import bounded
from headwater.warehouse.definitions import Definitions
from headwater.warehouse.postgres_errors import translate, without_password
from headwater.warehouse.postgres_lease import Lease
from headwater.warehouse.postgres_numbers import plain
from headwater.warehouse.postgres_reading import check_reading
from headwater.warehouse.protocol import RAW_TABLES, Appended, EventBatch, Kind, Mark, Parameter

TEXT = 'text collate "C"'  # ordered by bytes, as on every other engine

# Ids are as long as their senders like, and a tree takes 2,700 bytes: hash indexes take any length. That an event is
# stored once is for `append` to see to, behind its lock.
INDEXES = [
    "create index if not exists {table}_event on {table} using hash (event_id)",
    "create index if not exists {table}_device on {table} using hash (device_id)",
    "create index if not exists {table}_batch on {table} (batch_id)",
    "create index if not exists {table}_transaction on {table} using hash (transaction_id) "
    "where transaction_id is not null",
]


# A network that swallows everything is noticed after half a minute, on both ends: what the other end still holds for a
# connection that is gone are locks. What the URL says counts first.
PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
SESSION = {
    "timezone": "UTC",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# what libpq takes from a URL and dbt from its profile alike
SHARED_OPTIONS = ("sslmode", "sslcert", "sslkey", "sslrootcert")


def with_patience(url: str) -> str:
    given = url.partition("?")[2]
    wanted = [f"{name}={value}" for name, value in PATIENCE.items() if f"{name}=" not in given]
    return "&".join([url, *wanted]) if "?" in url else f"{url}?{'&'.join(wanted)}"


class PostgresWarehouse(Definitions):
    NOW = "cast(now() at time zone 'UTC' as timestamp)"

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self._in_transaction = False
        try:
            self._connection = dbapi.connect(with_patience(url))
        except adbc_driver_manager.Error as error:
            raise translate(error, url) from error
        said = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in SESSION.items())
        self.execute(f"select {said}")
        session = self.query(
            "select session_user as role, current_database() as database, current_schema() as schema, "
            "current_setting('search_path') as search_path"
        ).to_pylist()[0]
        self._user, self._database = str(session["role"]), str(session["database"])
        self.schema = self._checked_schema(session["schema"], session["search_path"])
        if read_only:
            self.execute("set default_transaction_read_only = on")
            self.execute("set standard_conforming_strings = on")  # as check_reading reads them
        elif not self._is_ready():
            self._make_ready()

    def _checked_schema(self, name: str | None, search_path: str) -> str:
        shown = without_password(self.url)
        if name is None:
            raise WarehouseError(
                f"The PostgreSQL at {shown} has none of the schemas {search_path}: make one with `create schema`, or "
                "name another in warehouse.url (?options=-csearch_path%3DNAME)."
            )
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,50}", name):
            raise WarehouseError(
                f'The schema "{name}" of {shown} has a name that headwater cannot use: take one of at most '
                "51 small letters, digits and _ (?options=-csearch_path%3DNAME)."
            )
        return name

    def _is_ready(self) -> bool:
        """Looked up, not left to `if not exists`: that waits for whoever is loading, and makes others wait."""
        wanted = re.findall(
            r"(?<=create table if not exists )\w+|(?<=create index if not exists )\w+",
            " ".join(self._definitions()),
        )
        names = ", ".join(f"'{name}'" for name in wanted)
        found = self.query(
            "select count(*) as n from pg_class "
            f"where relnamespace = '{self.schema}'::regnamespace and relname in ({names})"
        )
        return int(found["n"][0].as_py()) == len(wanted) and not schema.lacking(
            lambda table: self.columns(self.schema, table)
        )

    def _make_ready(self) -> None:
        with self.transaction():
            self.execute("select pg_advisory_xact_lock(hashtext('headwater schema'))")
            for statement in self._definitions():
                self.execute(statement)

    @staticmethod
    def _definitions() -> list[str]:
        return [
            *schema.statements(TEXT),
            *(index.format(table=table) for table in RAW_TABLES for index in INDEXES),
        ]

    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, tuple(parameters) or None)
            if not self._in_transaction:
                self._connection.commit()
        except adbc_driver_manager.Error as error:
            self._give_up()
            raise translate(error, self.url) from error

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        return self._answer(sql, parameters, lambda cursor: cursor.fetch_arrow_table())

    def query_as_written(self, sql: str) -> pa.Table:
        return self.query(sql)

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        return self._answer(sql, parameters, lambda cursor: bounded(cursor.fetch_record_batch(), most_bytes))

    def _answer(
        self, sql: str, parameters: Sequence[Parameter], fetch: Callable[[dbapi.Cursor], pa.Table]
    ) -> pa.Table:
        try:
            with self._connection.cursor() as cursor:
                if sql.lstrip()[:7].lower() == "explain":  # rows come by COPY, which takes none
                    cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
                cursor.execute(sql, tuple(parameters) or None)
                table = fetch(cursor)
            if not self._in_transaction:
                self._connection.commit()
        except adbc_driver_manager.Error as error:
            self._give_up()
            raise translate(error, self.url) from error
        columns = [plain(column, field) for column, field in zip(table.columns, table.schema, strict=True)]
        return pa.Table.from_arrays(columns, table.column_names)

    def insert(self, table: str, rows: pa.Table) -> None:
        """COPY into a table of text-like columns first: ADBC's types are matched to the table's by a cast."""
        try:
            with self._connection.cursor() as cursor:
                cursor.adbc_ingest("rows_to_insert", rows, mode="replace", temporary=True)
        except adbc_driver_manager.Error as error:
            self._give_up()
            raise translate(error, self.url) from error
        types = {
            row["column_name"]: row["column_type"]
            for row in self.query(
                f"""
                select attname as column_name, format_type(atttypid, atttypmod) as column_type
                from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped
                """
            ).to_pylist()
        }
        names = ", ".join(rows.column_names)
        values = ", ".join(f"cast({name} as {types[name]})" for name in rows.column_names)
        self.execute(f"insert into {table} ({names}) select {values} from rows_to_insert")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._in_transaction = True
        try:
            yield
            self._connection.commit()
        except adbc_driver_manager.Error as error:
            raise translate(error, self.url) from error
        finally:
            self._in_transaction = False
            self._give_up()

    def _give_up(self) -> None:
        if not self._in_transaction:
            with suppress(adbc_driver_manager.Error):  # the connection is gone, and its transaction with it
                self._connection.rollback()

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
        """Batches must become visible in the order of their numbers, or a build would pass one over."""
        with self.transaction():
            self.execute("lock table headwater_batches in exclusive mode")
            yield

    def rows_where(self, table: str, alias: str, condition: str) -> str:
        return condition

    def another(self) -> "PostgresWarehouse":
        return PostgresWarehouse(self.url)

    def reader(self) -> "PostgresReader":
        return PostgresReader(self.url, read_only=True)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self.transaction():
            self.execute("set transaction isolation level repeatable read")
            yield

    def set_aside(self, label: str) -> str | None:
        """What headwater has written goes to a schema of its own; a full build makes anew what is published."""
        place = f"{self.schema}_before_{label}"
        with self.transaction():
            self.execute(f"create schema {place}")
            for table in schema.TABLES:
                self.execute(f"alter table {self.schema}.{table} set schema {place}")
        return place

    def confine(self, readable: Sequence[Path]) -> None:
        """The server's own roles say what this user may do there."""

    def excess(self) -> str | None:
        may = self.query(
            "select count(*) > 0 as more from pg_roles where pg_has_role(current_user, oid, 'member') and (rolsuper or "
            "rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))"
        )
        if not may["more"][0].as_py():
            return None
        return (
            f"The role {self._user} of {without_password(self.url)} may read files and start programs on the server, "
            "which headwater never needs: give it a role of its own (docs/security.md has the SQL)."
        )

    @contextmanager
    def lease(self) -> Iterator[Callable[[], None]]:
        lease = Lease(self)
        try:
            lease.hold()
            yield lease.hold
        finally:
            lease.let_go()

    def create_temporary(self, table: str, table_schema: pa.Schema) -> None:
        columns = ", ".join(f"{field.name} {schema.sql_type(field, TEXT)}" for field in table_schema)
        self.execute(f"drop table if exists pg_temp.{table}")
        self.execute(f"create temporary table {table} ({columns})")

    def row_as_json(self, columns: Sequence[str]) -> str:
        fields = ", ".join(f"'{name}', {name}" for name in columns)
        return f"cast(json_build_object({fields}) as text)"

    def quarter_hour(self, timestamp: str) -> str:
        return f"date_bin('15 minutes', {timestamp}, timestamp '2000-01-01')"

    def tables(self) -> list[str]:
        found = self.query(
            """
            select table_name from information_schema.tables
            where table_schema = current_schema() and table_name not like 'headwater\\_%'
            order by table_name
            """
        )
        return list(found["table_name"].to_pylist())

    def relations(self, schema: str) -> dict[str, Kind]:
        found = self.query(
            f"select table_name, table_type from information_schema.tables where table_schema = '{schema}'"
        ).to_pylist()
        return {row["table_name"]: "view" if row["table_type"] == "VIEW" else "table" for row in found}

    def columns(self, schema: str, table: str) -> list[str]:
        found = self.query(
            f"""
            select column_name from information_schema.columns
            where table_schema = '{schema}' and table_name = '{table}' order by ordinal_position
            """
        )
        return list(found["column_name"].to_pylist())

    def index(self, table: str) -> None:
        present = self.columns(self.schema, table)
        for column in ("person_id", "device_id", "conversion_id", "transaction_id"):
            if column in present:
                self.execute(
                    f"create index if not exists {table}_{column} on {self.schema}.{table} using hash ({column})"
                )

    def workbench(self) -> str:
        return "pg_temp"

    def analyze(self, table: str) -> None:
        self.execute(f"analyze (skip_locked) {table}")  # nobody waits for whoever is at it, too

    def settle(self) -> None:
        """The server sees to it."""

    def unqualified(self, sql: str) -> str:
        return sql.replace(f'"{self._database}".', "")

    @contextmanager
    def only_builder(self) -> Iterator[None]:
        key = f"hashtext('headwater build ' || '{self.schema}')"
        if not self.query(f"select pg_try_advisory_lock({key}) as taken")["taken"][0].as_py():
            raise WarehouseLocked(
                f"Another headwater is building {without_password(self.url)}: wait until it is done, and try again."
            )
        try:
            yield
        finally:
            self.query(f"select pg_advisory_unlock({key}) as released")

    def dbt_output(self, schema: str, *, beside_ticks: bool = False) -> dict[str, Any]:
        """What the URL leaves open, libpq decides for both: environment, password file, socket."""
        parts = urlsplit(self.url)
        options = dict(parse_qsl(parts.query))
        login, _, place = parts.netloc.rpartition("@")
        host, _, port = place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "")
        return {
            "type": "postgres",
            "host": options.get("host") or unquote(host).strip("[]") or os.environ.get("PGHOST", ""),
            "port": int(options.get("port") or port or os.environ.get("PGPORT") or 5432),
            "user": self._user,
            "password": unquote(login.partition(":")[2])
            or options.get("password")
            or os.environ.get("PGPASSWORD", ""),
            "dbname": self._database,
            "schema": schema,
            "threads": 1 if beside_ticks else 4,
            **{name: options[name] for name in SHARED_OPTIONS if name in options},
        }

    def close(self) -> None:
        self._connection.close()


class PostgresReader(PostgresWarehouse):
    """Takes one statement that reads; its transactions cannot write."""

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        check_reading(sql)
        return super().query(sql, parameters)

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        check_reading(sql)
        return super().query_within(most_bytes, sql, parameters)
