"""What is asked: answers are Arrow, and whoever only reads is held to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.errors import QueryError
from headwater.warehouse.bigquery_arrow import batches, plain
from headwater.warehouse.bigquery_connection import Connection
from headwater.warehouse.bigquery_dialect import translated
from headwater.warehouse.bigquery_jobs import bound
from headwater.warehouse.bounded import bounded
from headwater.warehouse.protocol import Parameter

READING = ("SELECT",)
Fetch = Callable[[bigquery.table.RowIterator, Any], pa.Table]
NO_LIMIT = 2**62  # bytes: to ask what a statement would read costs nothing


def whole(rows: bigquery.table.RowIterator, storage: Any) -> pa.Table:
    return plain(rows.to_arrow(bqstorage_client=storage, create_bqstorage_client=False))


class Reads(Connection):
    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        return self._answer(translated(sql), parameters, whole)

    def query_as_written(self, sql: str) -> pa.Table:
        return self._answer(sql, (), whole)

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        return self._answer(
            sql if as_written else translated(sql),
            parameters,
            lambda rows, storage: bounded(batches(rows, storage), most_bytes),
        )

    def _answer(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        fetch: Fetch,
    ) -> pa.Table:
        """Within a transaction of ours it sees what was before it: that is sent as a whole, and later."""
        values = bound(parameters)
        with self._translated():
            if self._only_reads:
                self._check_reading(sql, values)
            return self._fetched(self._jobs.run(sql, values), fetch)

    def _fetched(self, job: bigquery.QueryJob, fetch: Fetch) -> pa.Table:
        """Through the Storage Read API where there is one, and the account may use it; else over REST."""
        try:
            return fetch(job.result(job_retry=None), self._doors.storage.reads)
        except exceptions.PermissionDenied:  # rows that have been asked for once cannot be again
            return fetch(job.result(job_retry=None), None)

    def _check_reading(self, sql: str, parameters: Sequence[Any]) -> None:
        if sql not in self._readable:
            if self._jobs.dry_run(sql, parameters).statement_type not in READING:
                raise QueryError("A query is one statement that only reads: ask with a select.")
            self._readable.add(sql)

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

    def dry_run(self, sql: str) -> tuple[int, list[tuple[str, str]]]:
        """The bytes that a statement, as written, would process, and the columns that it would answer with."""
        with self._translated():
            job = replace(self._jobs, most_bytes=NO_LIMIT).dry_run(sql)
        return int(job.total_bytes_processed or 0), [
            (field.name, field.field_type) for field in job.schema or ()
        ]
