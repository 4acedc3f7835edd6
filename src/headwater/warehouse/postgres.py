"""PostgreSQL, through ADBC: Arrow in by COPY, Arrow out."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import adbc_driver_manager
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_postgresql import dbapi

from headwater.errors import DiskFull, HeadwaterError, QueryError, WarehouseError, WarehouseLocked, WarehouseUnavailable
from headwater.warehouse import schema
from headwater.warehouse.append import append
from headwater.warehouse.protocol import Appended, EventBatch

TEXT = 'text collate "C"'  # ordered by bytes, as on every other engine

INDEXES = [
    "create unique index if not exists {table}_identity on {table} (event_id, stream_id, source_kind)",
    "create index if not exists {table}_device on {table} (device_id)",
    "create index if not exists {table}_batch on {table} (batch_id)",
    "create index if not exists {table}_transaction on {table} (transaction_id) where transaction_id is not null",
]


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))


def translate(error: Exception, url: str) -> HeadwaterError:
    """ADBC's error as one of ours, by SQLSTATE where there is one."""
    shown, state = without_password(url), getattr(error, "sqlstate", None) or ""
    text = str(error).split("Query was:")[0].split(". SQLSTATE")[0].split("ERROR:")[-1].strip()
    text = " ".join(text.split())
    if state.startswith("53") and state != "53300":
        return DiskFull(f"The PostgreSQL at {shown} has no room left: free some space and run the same command again. ({text})")
    if state.startswith(("08", "57P")) or state == "53300" or "connection" in text.lower() and not state:
        return WarehouseUnavailable(
            f"The PostgreSQL at {shown} does not answer: check that it runs and that warehouse.url is right. ({text})"
        )
    if state in ("55P03", "40P01", "40001"):
        return WarehouseLocked(f"The PostgreSQL at {shown} is busy with another headwater: try again when it is done.")
    if state.startswith("28") or state in ("3D000", "42501", "25006"):
        return WarehouseError(f"The PostgreSQL at {shown} refuses: {text}. Check user, password, database and rights.")
    return QueryError(text)


class PostgresWarehouse:
    NOW = "cast(now() at time zone 'UTC' as timestamp)"

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self._in_transaction = False
        try:
            self._connection = dbapi.connect(url)
        except adbc_driver_manager.Error as error:
            raise translate(error, url) from error
        self.execute("set timezone = 'UTC'")
        self.schema = str(self.query("select current_schema() as name")["name"][0].as_py())
        if read_only:
            self.execute("set default_transaction_read_only = on")
            return
        with self.transaction():
            self.execute("select pg_advisory_xact_lock(hashtext('headwater schema'))")
            for statement in schema.statements(TEXT):
                self.execute(statement)
            for table in ("ga4_events_raw", "events_streaming"):
                for index in INDEXES:
                    self.execute(index.format(table=table))

    def execute(self, sql: str) -> None:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
            if not self._in_transaction:
                self._connection.commit()
        except adbc_driver_manager.Error as error:
            self._give_up()
            raise translate(error, self.url) from error

    def query(self, sql: str) -> pa.Table:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
            if not self._in_transaction:
                self._connection.commit()
        except adbc_driver_manager.Error as error:
            self._give_up()
            raise translate(error, self.url) from error
        return pa.table(
            {name: plain(column) for name, column in zip(table.column_names, table.columns, strict=True)}
        )

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
            try:
                self._connection.rollback()
            except adbc_driver_manager.Error:  # the connection is gone, and its transaction with it
                pass

    def append(
        self, table: str, origin: str, batches: Iterable[EventBatch], *, ids_are_computed: bool = False
    ) -> Appended:
        return append(self, table, origin, batches, ids_are_computed=ids_are_computed)

    def lock_appends(self) -> None:
        """Batches must become visible in the order of their numbers, or a build would pass one over."""
        self.execute("lock table headwater_batches in exclusive mode")

    def create_temporary(self, table: str, table_schema: pa.Schema) -> None:
        columns = ", ".join(f"{field.name} {schema.sql_type(field, TEXT)}" for field in table_schema)
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
        for column in ("person_id", "device_id", "conversion_id"):
            if column in present:
                self.execute(f"create index if not exists {table}_{column} on {self.schema}.{table} ({column})")

    def unqualified(self, sql: str) -> str:
        return sql.replace(f'"{self.dbt_output("")["dbname"]}".', "")

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

    def dbt_output(self, schema: str) -> dict[str, Any]:
        parts = urlsplit(self.url)
        options = dict(parse_qsl(parts.query))
        return {
            "type": "postgres",
            "host": options.get("host") or parts.hostname or "localhost",
            "port": int(options.get("port") or parts.port or 5432),
            "user": unquote(parts.username or options.get("user") or ""),
            "password": unquote(parts.password or options.get("password") or ""),
            "dbname": parts.path.lstrip("/") or options.get("dbname") or "postgres",
            "schema": schema,
            "threads": 4,
            **({"sslmode": options["sslmode"]} if "sslmode" in options else {}),
        }

    def close(self) -> None:
        self._connection.close()


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """PostgreSQL's numeric reaches Arrow as text: as decimals again, with the digits that are there."""
    if isinstance(column.type, pa.OpaqueType):
        text = pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())
        if column.type.type_name != "numeric":
            return text
        digits = pc.max(pc.utf8_length(pc.replace_substring_regex(text, r"^[^.]*\.?", ""))).as_py() or 0
        return text.cast(pa.decimal128(38, digits))
    if isinstance(column.type, pa.BaseExtensionType):  # json
        return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column
