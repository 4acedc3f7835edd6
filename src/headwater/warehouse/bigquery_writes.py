"""What is changed by statements: a transaction is one script."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from headwater.warehouse import bigquery_schema
from headwater.warehouse.bigquery_arrow import rows_parameter
from headwater.warehouse.bigquery_connection import Connection
from headwater.warehouse.bigquery_dialect import translated
from headwater.warehouse.bigquery_jobs import bound
from headwater.warehouse.bigquery_script import MOST_ROWS, Script
from headwater.warehouse.protocol import Parameter

PARAMETER = re.compile(r"@p(?=[0-9])")


class Writes(Connection):
    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None:
        if self._script is None or not parameters:
            self._run(translated(sql), bound(parameters))
            return
        prefix = (
            f"s{len(self._script.statements)}_p"  # the parameters of a script's statements stand side by side
        )
        self._run(PARAMETER.sub(f"@{prefix}", translated(sql)), bound(parameters, prefix))

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
