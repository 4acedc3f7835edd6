"""BigQuery: statements are jobs, answers are Arrow, a transaction is one script."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.errors import HeadwaterError, QueryError
from headwater.settings import Settings
from headwater.warehouse import bigquery_append, bigquery_export, bigquery_schema
from headwater.warehouse.bigquery_arrow import batches, plain, rows_parameter
from headwater.warehouse.bigquery_bench import Bench
from headwater.warehouse.bigquery_dialect import translated
from headwater.warehouse.bigquery_doors import STAND_IN, Doors, is_stand_in
from headwater.warehouse.bigquery_errors import NO_SESSION, translate
from headwater.warehouse.bigquery_insert_all import InsertAllWriter
from headwater.warehouse.bigquery_jobs import Jobs, bound
from headwater.warehouse.bigquery_lease import Lease
from headwater.warehouse.bigquery_place import found_dataset, move_tables
from headwater.warehouse.bigquery_script import MOST_ROWS, Script
from headwater.warehouse.bigquery_staging import Staging, Writer
from headwater.warehouse.bigquery_writer import StorageWriter
from headwater.warehouse.bounded import bounded
from headwater.warehouse.protocol import Appended, EventBatch, ExportedTable, Kind, Mark, Parameter

READING = ("SELECT",)
NO_LIMIT = 2**62  # bytes: to ask what a statement would read costs nothing
PARAMETER = re.compile(r"@p(?=[0-9])")
FOREIGN = ("google.", "requests.", "grpc.", "urllib3.")


@dataclass(frozen=True)
class Options:
    """What the settings say of BigQuery besides its address."""

    writer: str = "storage_write"
    most_bytes: int = 100_000_000_000
    location: str = ""
    retention_days: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Options":
        said = settings.warehouse
        return cls(said.writer, int(said.max_gb_billed * 1e9), said.location, settings.stream.retention_days)


class BigQueryWarehouse:
    def __init__(
        self, url: str, home: Path, options: Options | None = None, *, read_only: bool = False
    ) -> None:
        self.url = url
        self._home, self._options, self._only_reads = home, options or Options(), read_only
        self._project, self.schema = url.removeprefix("bigquery://").split("/")
        self._append_lock = Lock()
        self._readable: set[str] = set()
        self._script: Script | None = None
        with self._translated():
            self._doors = Doors(self._project)
            dataset = found_dataset(
                self._client, self.schema, self._options.location, url, make=not read_only
            )
            self._jobs = Jobs(
                self._client, f"{self._project}.{self.schema}", dataset.location, self._options.most_bytes
            )
            self._bench = Bench(self._jobs)
            if not read_only:
                self._make_ready()

    @property
    def _client(self) -> bigquery.Client:
        return self._doors.jobs

    def _make_ready(self) -> None:
        days = self._options.retention_days
        if self._names(self.schema).keys() < set(bigquery_schema.TABLES):
            self._jobs.run(";\n".join(bigquery_schema.statements()))
        for statement in bigquery_schema.additions(lambda table: self.columns(self.schema, table)):
            self._jobs.run(statement)
        if bigquery_schema.retention(self._client.get_table(f"{self.schema}.events_streaming")) != days:
            self._jobs.run(bigquery_schema.expiry(days))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except HeadwaterError:
            raise
        except Exception as error:
            if type(error).__module__.startswith(FOREIGN) or isinstance(
                error, ConnectionError | TimeoutError
            ):
                if NO_SESSION.search(str(error)):
                    self._jobs.session = None
                raise translate(error, self.url) from error
            raise

    def another(self) -> "BigQueryWarehouse":
        other = copy(self)  # the lock is shared
        other._doors = self._doors.another()
        other._jobs = replace(self._jobs, client=other._client, session=None)
        other._bench = Bench(other._jobs)
        other._script = None
        return other

    def reader(self) -> "BigQueryWarehouse":
        other = self.another()
        other._only_reads = True
        other._jobs.part = "api"
        return other

    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None:
        if self._script is None or not parameters:
            self._run(translated(sql), bound(parameters))
            return
        prefix = (
            f"s{len(self._script.statements)}_p"  # the parameters of a script's statements stand side by side
        )
        self._run(PARAMETER.sub(f"@{prefix}", translated(sql)), bound(parameters, prefix))

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        if self._only_reads:
            raise QueryError("This connection only reads: ask with a select.")
        if self._script is not None:
            self._script.add(sql, parameters)
            return
        with self._translated():
            self._jobs.run(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        return self._answer(translated(sql), parameters, self._whole)

    def query_as_written(self, sql: str) -> pa.Table:
        return self._answer(sql, (), self._whole)

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        return self._answer(
            sql if as_written else translated(sql),
            parameters,
            lambda rows: bounded(batches(rows, self._doors.storage.reads), most_bytes),
        )

    def _answer(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        fetch: Callable[[bigquery.table.RowIterator], pa.Table],
    ) -> pa.Table:
        """Within a transaction of ours it sees what was before it: that is sent as a whole, and later."""
        values = bound(parameters)
        with self._translated():
            if self._only_reads:
                self._check_reading(sql, values)
            return fetch(self._jobs.run(sql, values).result(job_retry=None))

    def _whole(self, rows: bigquery.table.RowIterator) -> pa.Table:
        """Through the Storage Read API where there is one, and the account may use it."""
        try:
            table = rows.to_arrow(bqstorage_client=self._doors.storage.reads, create_bqstorage_client=False)
        except exceptions.PermissionDenied:
            table = rows.to_arrow(create_bqstorage_client=False)
        return plain(table)

    def _check_reading(self, sql: str, parameters: Sequence[Any]) -> None:
        if sql not in self._readable:
            if self._jobs.dry_run(sql, parameters).statement_type not in READING:
                raise QueryError("A query is one statement that only reads: ask with a select.")
            self._readable.add(sql)

    def insert(self, table: str, rows: pa.Table) -> None:
        """A few rows, as parameters of a statement: what is many comes by `append`."""
        names = ", ".join(rows.column_names)
        values = ", ".join(f"given.{name}" for name in rows.column_names)
        for start in range(0, rows.num_rows, MOST_ROWS):
            name = f"rows_{len(self._script.parameters) if self._script else 0}"
            piece = rows_parameter(name, rows.slice(start, MOST_ROWS))
            self._run(f"insert into {table} ({names}) select {values} from unnest(@{name}) as given", [piece])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is executed within it is kept, and sent as one script at its end: nothing stays open in between."""
        self._script = Script()
        try:
            yield
            script = self._script
        finally:
            self._script = None
        if script.statements:
            self._run(script.sql, script.parameters)

    @contextmanager
    def appending(self) -> Iterator[None]:
        with self._append_lock, self.transaction():
            self._run(f"update {bigquery_schema.TURN} set turns = turns + 1 where true")
            yield

    @contextmanager
    def redefining(self, define: Callable[[], None]) -> Iterator[None]:
        """BigQuery takes no definition back: they are made first, and are harmless without what follows."""
        define()
        with self.transaction():
            yield

    def append(
        self,
        table: str,
        origin: str,
        batches: Iterable[EventBatch],
        *,
        ids_are_computed: bool = False,
        mark: Mark | None = None,
    ) -> Appended:
        jobs = replace(self._jobs, session=None, part="sink" if mark else "load")
        with self._translated():
            staging = Staging(origin, jobs, self._writer(), is_stream=mark is not None)
            bigquery_append.stage(staging, batches)
            with self._append_lock:
                return bigquery_append.settle(
                    jobs, staging, table, ids_are_computed=ids_are_computed, mark=mark
                )

    def changed_tables(self, export: str) -> list[ExportedTable]:
        with self._translated():
            return bigquery_export.changed_tables(self._loading(), export, self.url)

    def exported_tables(self, export: str) -> list[ExportedTable]:
        with self._translated():
            return bigquery_export.all_tables(self._jobs, export, self.url)

    def look(self, export: str) -> str:
        return bigquery_export.listing(export)

    def exported_fields(self, table: ExportedTable) -> list[dict[str, Any]] | None:
        with self._translated():
            return bigquery_export.fields(self._jobs, table.name)

    def take_in(self, table: ExportedTable, sql: str) -> Appended:
        with self._translated():
            staging = Staging(table.name, self._loading(), self._writer(), is_stream=False)
            bigquery_export.bring(staging, sql)
            with self._append_lock:
                return bigquery_append.settle(
                    staging.jobs, staging, "ga4_events_raw", ids_are_computed=True, exported=table
                )

    def exported_days(self, table: ExportedTable) -> pa.Table:
        with self._translated():
            return self._whole(self._loading().run(bigquery_export.days(table.name)).result(job_retry=None))

    def _loading(self) -> Jobs:
        return replace(self._jobs, session=None, part="load")

    def _writer(self) -> Writer:
        if self._options.writer == "insert_all":
            return InsertAllWriter(self._client, f"{self._project}.{self.schema}")
        return StorageWriter(self._doors.storage, self._project, self.schema)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._translated():
            self._jobs.open_session()
            self._jobs.run("begin transaction")
        try:
            yield
        finally:
            with suppress(Exception):  # the session is gone, and its transaction with it
                self._jobs.run("rollback transaction")

    def set_aside(self, label: str) -> str | None:
        """What headwater has written goes to a dataset of its own; a full build makes anew what is published."""
        with self._translated():
            return move_tables(
                self._client, self.schema, f"{self.schema}_before_{label}", bigquery_schema.TABLES
            )

    def confine(self, readable: Sequence[Path]) -> None:
        """The account's own roles say what it may do there."""

    def excess(self) -> str | None:
        return None  # what the account may do is for its roles to say

    def dry_run(self, sql: str) -> tuple[int, list[tuple[str, str]]]:
        """The bytes that a statement, as written, would process, and the columns that it would answer with."""
        with self._translated():
            job = replace(self._jobs, most_bytes=NO_LIMIT).dry_run(sql)
        return int(job.total_bytes_processed or 0), [
            (field.name, field.field_type) for field in job.schema or ()
        ]

    @contextmanager
    def lease(self) -> Iterator[Callable[[], None]]:
        taken = f"Another headwater engine works on {self.url}: stop it first; one warehouse has one engine."
        with self._leased("engine", taken) as lease:
            yield lease.hold

    @contextmanager
    def only_builder(self) -> Iterator[None]:
        self._jobs.part = "build"
        taken = f"Another headwater is building {self.url}: wait until it is done, and try again."
        with self._leased("build", taken):
            yield

    @contextmanager
    def _leased(self, name: str, taken: str) -> Iterator[Lease]:
        own = self.another()

        def run(sql: str) -> int:
            with own._translated():
                return int(own._jobs.run(sql).num_dml_affected_rows or 0)

        lease = Lease(run, bigquery_schema.LEASES[name], self._home, taken)
        try:
            lease.hold()
            yield lease
        finally:
            lease.let_go()
            own.close()

    def tables(self) -> list[str]:
        with self._translated():
            return sorted(name for name in self._names(self.schema) if not name.startswith("headwater_"))

    def relations(self, schema: str) -> dict[str, Kind]:
        with self._translated():
            return self._names(schema)

    def _names(self, schema: str) -> dict[str, Kind]:
        try:
            found = list(self._client.list_tables(f"{self._project}.{schema}"))
        except exceptions.NotFound:
            return {}
        return {one.table_id: "view" if one.table_type == "VIEW" else "table" for one in found}

    def columns(self, schema: str, table: str) -> list[str]:
        with self._translated():
            try:
                found = self._client.get_table(f"{self._project}.{schema}.{table}")
            except exceptions.NotFound:
                return []
            return [field.name for field in found.schema]

    def make_like(self, target: str, source: str) -> None:
        """With its partitions and clusters, which `create table as` would lose."""
        with self._translated():
            model = self._client.get_table(f"{self._project}.{source}")
            table = bigquery.Table(f"{self._project}.{target}", schema=model.schema)
            table.time_partitioning, table.range_partitioning = (
                model.time_partitioning,
                model.range_partitioning,
            )
            table.clustering_fields, table.description = model.clustering_fields, model.description
            self._client.create_table(table, exists_ok=True)

    def index(self, table: str) -> None:
        """Clusters are what it has for indexes."""

    def workbench(self) -> str:
        self._jobs.part = "tick"
        with self._translated():
            self._jobs.open_session()
        return "_session"

    def make(self, kind: Kind, place: str, sql: str, *, anew: bool = False) -> None:
        with self._translated():
            if place.startswith("_session."):
                self._bench.make(kind, place, sql)
            else:
                self._jobs.run(f"create {'or replace ' if anew else ''}{kind} {place} as {sql}")

    def unmake(self, made: Sequence[tuple[Kind, str]]) -> None:
        with self._translated():
            self._bench.clear(made)

    def analyze(self, table: str) -> None:
        """Statistics are kept with every table."""

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def unqualified(self, sql: str) -> str:
        """Projects are never renamed."""
        return sql

    def dbt_output(self, schema: str) -> dict[str, Any]:
        output: dict[str, Any] = {
            "type": "bigquery",
            "method": "oauth",  # Google's usual credentials, a service account's key among them
            "project": self._project,
            "schema": schema,
            "location": self._jobs.location,
            "maximum_bytes_billed": self._options.most_bytes,
            "priority": "interactive",
            "threads": 4,
        }
        if is_stand_in():
            output |= {"method": "oauth-secrets", "token": "dummy", "api_endpoint": os.environ[STAND_IN]}
        return output

    def close(self) -> None:
        with suppress(Exception):  # it ends by itself
            self._jobs.close_session()
        self._doors.close()
