"""The workbench of a tick: temporary tables of a session.

BigQuery has no temporary views: their statements go before those that read them."""

import re
from collections.abc import Sequence

from headwater.warehouse.bigquery_jobs import Jobs
from headwater.warehouse.protocol import Kind

READS = re.compile(r"\b_session\.(\w+)")


class Bench:
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._views: dict[str, str] = {}

    def make(self, kind: Kind, place: str, sql: str) -> None:
        name = place.partition(".")[2]
        if kind == "view":
            self._views[name] = sql
        else:
            self._jobs.run(f"create or replace temp table {name} as {self.with_views(sql)}")

    def with_views(self, sql: str) -> str:
        """The views that it reads, each after those that it reads itself, as its common table expressions."""
        needed: dict[str, str] = {}

        def need(text: str) -> None:
            for name in dict.fromkeys(READS.findall(text)):
                if name in self._views and name not in needed:
                    need(self._views[name])
                    needed[name] = self._views[name]

        need(sql)
        if not needed:
            return sql

        def plainly(text: str) -> str:
            return READS.sub(lambda found: found[1] if found[1] in needed else found[0], text)

        before = ",\n".join(f"{name} as (\n{plainly(text)}\n)" for name, text in needed.items())
        return f"with {before}\n(\n{plainly(sql)}\n)"

    def clear(self, made: Sequence[tuple[Kind, str]]) -> None:
        self._views.clear()
        tables = [place.partition(".")[2] for kind, place in made if kind == "table"]
        if tables and self._jobs.session:
            self._jobs.run(";\n".join(f"drop table if exists _session.{name}" for name in tables))
