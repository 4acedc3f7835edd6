"""What a build needs: that it is the only one, a place to work, and dbt's way in."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headwater.warehouse import bigquery_schema
from headwater.warehouse.bigquery_connection import Connection
from headwater.warehouse.bigquery_doors import STAND_IN, is_stand_in
from headwater.warehouse.bigquery_lease import Lease
from headwater.warehouse.bigquery_place import looked_up
from headwater.warehouse.protocol import Kind


class Builds(Connection):
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

    def make_schema(self, schema: str) -> None:
        with self._translated():
            looked_up(self._client, schema, self._jobs.location, make=True)

    def dbt_output(self, schema: str, *, beside_ticks: bool = False) -> dict[str, Any]:
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
