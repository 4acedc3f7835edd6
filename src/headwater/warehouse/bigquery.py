"""BigQuery: statements are jobs, answers are Arrow, a transaction is one script."""

from collections.abc import Sequence
from pathlib import Path

from headwater.warehouse.bigquery_builds import Builds
from headwater.warehouse.bigquery_connection import Options
from headwater.warehouse.bigquery_loads import Loads
from headwater.warehouse.bigquery_tables import Tables
from headwater.warehouse.bigquery_writes import Writes

__all__ = ["BigQueryWarehouse", "Options"]


class BigQueryWarehouse(Loads, Writes, Tables, Builds):
    def __init__(
        self, url: str, home: Path, options: Options | None = None, *, read_only: bool = False
    ) -> None:
        super().__init__(url, home, options, read_only=read_only)
        if not read_only:
            with self._translated():
                self._make_ready()

    def confine(self, readable: Sequence[Path]) -> None:
        """The account's own roles say what it may do there."""

    def excess(self) -> str | None:
        return None  # what the account may do is for its roles to say

    def index(self, table: str) -> None:
        """Clusters are what it has for indexes."""

    def analyze(self, table: str) -> None:
        """Statistics are kept with every table."""

    def settle(self) -> None:
        """The server sees to it."""

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def unqualified(self, sql: str) -> str:
        """Projects are never renamed."""
        return sql
