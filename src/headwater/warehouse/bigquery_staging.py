"""Brings the rows of one load into the staging tables: files by a load job, a stream by the writer that is configured.

Staging is never changed by DML: rows that have just been streamed cannot be. Each row names its load, a load reads what
it has written, and what is left expires by the hour."""

import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.warehouse.bigquery_arrow import stored
from headwater.warehouse.bigquery_jobs import Jobs, patiently
from headwater.warehouse.bigquery_schema import STAGED_SCHEMAS, STAGING
from headwater.warehouse.bigquery_writer import Refused

REFUSED_BY_BIGQUERY = "poison"  # what no check has foreseen and the warehouse does not take


class Writer(Protocol):
    def write(self, table: str, rows: pa.Table, load_id: str) -> list[Refused]: ...


@dataclass
class Staging:
    """One load. `moments` are the first and the last of its events, which bound where a repeat of them can lie."""

    origin: str
    jobs: Jobs
    write: Writer
    is_stream: bool
    load_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    staged_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGING, 0))
    moments: tuple[datetime, datetime] | None = None

    def bring(self, name: str, pieces: Sequence[pa.Table]) -> None:
        """Rows that BigQuery will not take become dead letters; all others are in when this returns."""
        rows = pa.concat_tables(pieces) if pieces else None
        if rows is None or not rows.num_rows:
            return
        first = self.counts[name]
        marked = self._marked(name, rows, first)
        refused = self._stream(name, marked) if self.is_stream else self._load(name, marked)
        self.counts[name] += rows.num_rows - len(refused)
        if name == "incoming":
            self._remember_moments(rows)
        if refused:
            self.bring("refused", [self._letters(rows, refused)])

    def _marked(self, name: str, rows: pa.Table, first: int) -> pa.Table:
        schema, count = STAGED_SCHEMAS[name], rows.num_rows
        if "position" not in rows.column_names:
            rows = rows.append_column("position", pa.array(range(first, first + count), pa.int64()))
        rows = rows.append_column("load_id", pa.repeat(pa.scalar(self.load_id), count))
        moment = pa.scalar(self.staged_at, pa.timestamp("us"))
        return rows.append_column("staged_at", pa.repeat(moment, count)).select(schema.names).cast(schema)

    def _stream(self, name: str, rows: pa.Table) -> list[Refused]:
        return self.write.write(STAGING[name], rows, self.load_id)

    def _load(self, name: str, rows: pa.Table) -> list[Refused]:
        """A load job costs nothing, and takes all rows or none: where it is none, the writer says which are wrong."""
        file = io.BytesIO()
        pq.write_table(stored(rows), file, compression="zstd")
        try:
            self._load_job(STAGING[name], file, file.tell())
        except exceptions.BadRequest:
            return self._stream(name, rows)
        return []

    def _load_job(self, table: str, file: io.BytesIO, size: int) -> None:
        configuration = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels={"app": "headwater", "part": self.jobs.part},
        )
        name = uuid.uuid4().hex
        for job_attempt in patiently():
            with job_attempt:
                number = job_attempt.retry_state.attempt_number
                job = self._load_begun(table, file, size, configuration, f"headwater_load_{name}_{number}")
                job.result()

    def _load_begun(
        self, table: str, file: io.BytesIO, size: int, configuration: bigquery.LoadJobConfig, job_id: str
    ) -> Any:
        client, location = self.jobs.client, self.jobs.location
        for attempt in patiently():
            with attempt:
                try:
                    return client.load_table_from_file(
                        file, f"{self.jobs.dataset}.{table}", rewind=True, size=size, num_retries=0,
                        job_id=job_id, job_config=configuration, location=location,
                    )  # fmt: skip
                except exceptions.Conflict:  # it has begun, and the answer was lost
                    return client.get_job(job_id, location=location)
        raise AssertionError("unreachable")

    def _remember_moments(self, rows: pa.Table) -> None:
        found = pc.min_max(rows["event_timestamp"]).as_py()
        first, last = self.moments or (found["min"], found["max"])
        self.moments = min(first, found["min"]), max(last, found["max"])

    def _letters(self, rows: pa.Table, refused: Sequence[Refused]) -> pa.Table:
        if "original" in rows.column_names:
            raise exceptions.BadRequest(f"a dead letter is refused: {refused[0].why}")
        bad = rows.take(pa.array([one.place for one in refused], pa.int64())).to_pylist()
        return pa.table(
            {
                "origin": [self.origin] * len(bad),
                "line": pa.nulls(len(bad), pa.int64()),
                "reason": [REFUSED_BY_BIGQUERY] * len(bad),
                "detail": [one.why[:500] for one in refused],
                "original": [told(row) for row in bad],
            }
        )


def told(row: dict[str, Any]) -> str:
    said = {name: value for name, value in row.items() if value is not None and name != "position"}
    return json.dumps(said, default=str, ensure_ascii=False)
