"""A connection to one dataset: its clients and jobs, and Google's errors in headwater's words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Self

from google.cloud import bigquery

from headwater.errors import HeadwaterError, QueryError
from headwater.settings import Settings
from headwater.warehouse.bigquery_bench import Bench
from headwater.warehouse.bigquery_doors import Doors
from headwater.warehouse.bigquery_errors import NO_SESSION, translate
from headwater.warehouse.bigquery_jobs import Jobs
from headwater.warehouse.bigquery_place import found_dataset
from headwater.warehouse.bigquery_script import Script

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


class Connection:
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

    @property
    def _client(self) -> bigquery.Client:
        return self._doors.jobs

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
                raise translate(error, self.url, asked=self._only_reads) from error
            raise

    def another(self) -> Self:
        other = copy(self)  # the lock is shared
        other._doors = self._doors.another()
        other._jobs = replace(self._jobs, client=other._client, session=None)
        other._bench = Bench(other._jobs)
        other._script = None
        return other

    def reader(self) -> Self:
        other = self.another()
        other._only_reads = True
        other._jobs.part = "api"
        return other

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        if self._only_reads:
            raise QueryError("This connection only reads: ask with a select.")
        if self._script is not None:
            self._script.add(sql, parameters)
            return
        with self._translated():
            self._jobs.run(sql, parameters)

    def close(self) -> None:
        with suppress(Exception):  # it ends by itself
            self._jobs.close_session()
        self._doors.close()
