"""How events come in: staged, then settled in one job; from a batch, or from a GA4 export where it lies."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from headwater.warehouse import bigquery_append, bigquery_export
from headwater.warehouse.bigquery_insert_all import InsertAllWriter
from headwater.warehouse.bigquery_jobs import Jobs
from headwater.warehouse.bigquery_reads import Reads, whole
from headwater.warehouse.bigquery_staging import Staging, Writer
from headwater.warehouse.bigquery_writer import StorageWriter
from headwater.warehouse.protocol import Appended, EventBatch, ExportedTable, Mark


class Loads(Reads):
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
            return self._fetched(self._loading().run(bigquery_export.days(table.name)), whole)

    def _loading(self) -> Jobs:
        return replace(self._jobs, session=None, part="load")

    def _writer(self) -> Writer:
        if self._options.writer == "insert_all":
            return InsertAllWriter(self._client, f"{self._project}.{self.schema}")
        return StorageWriter(self._doors.storage, self._project, self.schema)
