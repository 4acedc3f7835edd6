"""Runs statements as jobs: each has an id that we choose, so that one whose answer was lost is found, not run twice."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from headwater.warehouse.bigquery_errors import CONFLICT, is_passing
from headwater.warehouse.protocol import Parameter

PATIENCE = 60.0  # seconds for which a statement is tried again; whoever called it may have more
FIRST_WAIT, LONGEST_WAIT = 0.25, 10.0
NOT_VISIBLE_YET = "headwater: the rows are not all visible yet"  # said by a script of ours
REQUEST_SECONDS = 60.0  # for one answer; a job may take as long as it needs


def patiently(is_worth_it: Any = is_passing) -> Retrying:
    return Retrying(
        retry=retry_if_exception(is_worth_it),
        wait=wait_exponential_jitter(initial=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT),
        stop=stop_after_delay(PATIENCE),
        reraise=True,
    )


def is_worth_another_job(error: BaseException) -> bool:
    """It failed as a whole, and may succeed: also where another has changed the same table meanwhile."""
    return is_passing(error) or bool(CONFLICT.search(str(error))) or NOT_VISIBLE_YET in str(error)


@dataclass
class Jobs:
    client: bigquery.Client
    dataset: str
    location: str | None
    most_bytes: int
    part: str = "query"  # which part of headwater asks: a label of every job
    session: str | None = field(default=None)

    def run(self, sql: str, parameters: Sequence[Any] = (), name: str = "") -> bigquery.QueryJob:
        """The job, once it is done. Within one call it is begun anew only when it is known to have done nothing."""
        name = name or uuid.uuid4().hex
        for attempt in patiently(is_worth_another_job):
            with attempt:
                number = attempt.retry_state.attempt_number
                job = self._begun(sql, parameters, f"headwater_{self.part}_{name}_{number}")
                job.result(max_results=0, job_retry=None)
        return job

    def _begun(self, sql: str, parameters: Sequence[Any], job_id: str) -> bigquery.QueryJob:
        for attempt in patiently():
            with attempt:
                try:
                    return self.client.query(
                        sql, self.configuration(parameters), job_id=job_id, job_retry=None, retry=None,
                        timeout=REQUEST_SECONDS, location=self.location,
                    )  # fmt: skip
                except exceptions.Conflict:  # it has begun, and the answer was lost
                    return self.client.get_job(job_id, location=self.location)
        raise AssertionError("unreachable")

    def configuration(self, parameters: Sequence[Any] = ()) -> bigquery.QueryJobConfig:
        configuration = bigquery.QueryJobConfig(
            default_dataset=self.dataset,
            maximum_bytes_billed=self.most_bytes,
            labels={"app": "headwater", "part": self.part},
            query_parameters=list(parameters),
        )
        if self.session:
            configuration.connection_properties = [bigquery.ConnectionProperty("session_id", self.session)]
        return configuration

    def dry_run(self, sql: str, parameters: Sequence[Any] = ()) -> bigquery.QueryJob:
        """What a statement is, would read and would answer, without running it."""
        configuration = self.configuration(parameters)
        configuration.dry_run = True
        configuration.use_query_cache = False
        for attempt in patiently():
            with attempt:
                job = self.client.query(
                    sql,
                    configuration,
                    job_retry=None,
                    retry=None,
                    timeout=REQUEST_SECONDS,
                    location=self.location,
                )
        return job

    def open_session(self) -> None:
        """From now on these jobs share temporary tables."""
        if self.session is None:
            configuration = self.configuration()
            configuration.create_session = True
            for attempt in patiently():
                with attempt:
                    job = self.client.query(
                        "select 1", configuration, job_retry=None, retry=None, location=self.location
                    )
                    job.result(job_retry=None)
            self.session = job.session_info.session_id

    def close_session(self) -> None:
        if self.session is not None:
            try:
                self.client.query(
                    "call bq.abort_session()", self.configuration(), job_retry=None, location=self.location
                ).result(job_retry=None)
            finally:
                self.session = None


def bound(parameters: Sequence[Parameter], prefix: str = "p") -> list[bigquery.ScalarQueryParameter]:
    """p1, p2 …: what the dialect makes of $1, $2 …"""
    return [scalar(f"{prefix}{number}", value) for number, value in enumerate(parameters, start=1)]


def scalar(name: str, value: Parameter) -> bigquery.ScalarQueryParameter:
    match value:
        case str():
            kind = "STRING"
        case int():
            kind = "INT64"
        case datetime():
            kind = "TIMESTAMP"
        case date():
            kind = "DATE"
    return bigquery.ScalarQueryParameter(name, kind, value)
