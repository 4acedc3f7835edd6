"""What Google's own analyser and evaluator say about a statement of BigQuery."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bigquery.standins.zetasql.catalogue import Catalogue, Tables
from bigquery.standins.zetasql.evaluate import Evaluator, Row
from bigquery.standins.zetasql.gate import Gate
from bigquery.standins.zetasql.language import analyzer_options, builtin_functions, language_options
from bigquery.standins.zetasql.server import RejectedError, Server
from bigquery.standins.zetasql.types import Types

__all__ = ["RejectedError", "ZetaSql"]


class ZetaSql:
    """Tables are given by their whole names, with the types of their columns as BigQuery writes them.

    `{"project.dataset.table": {"event_id": "STRING"}, "project.dataset.events_*": {…}}`
    """

    def __init__(self, binary: Path, descriptors: Path) -> None:
        self._server = Server(binary, descriptors)
        self._types = Types(self._server)
        language = language_options(self._server)
        self._builtin = builtin_functions(self._server, language)
        self._options = analyzer_options(self._server, language, self._types)
        self._evaluator = Evaluator(self._server, self._types, self._options)

    def analyse(
        self,
        sql: str,
        tables: Tables | None = None,
        *,
        default_dataset: str | None = None,
        parameters: Mapping[str, str] | Sequence[str] = (),
        filtered: Mapping[str, str] | None = None,
    ) -> str | None:
        """Why BigQuery would refuse the statement or script; None when it would take it.

        `filtered` are the tables with require_partition_filter, and the column by which each is kept."""
        catalogue = self.catalogue(tables, default_dataset)
        catalogue.filtered = filtered or {}
        return self.pass_through(sql, catalogue, parameters)

    def pass_through(
        self, sql: str, catalogue: Catalogue, parameters: Mapping[str, str] | Sequence[str] = ()
    ) -> str | None:
        """The same, over a catalogue that keeps what the statement makes."""
        try:
            Gate(self._server, self._types, self._options, catalogue, parameters).pass_through(sql)
        except RejectedError as reason:
            return str(reason)
        return None

    def evaluate(
        self,
        sql: str,
        tables: Tables | None = None,
        rows: Mapping[str, Sequence[Row]] | None = None,
        *,
        default_dataset: str | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of one SELECT; raises RejectedError when the evaluator cannot, or the statement fails."""
        catalogue = self.catalogue(tables, default_dataset)
        return self._evaluator.rows(sql, catalogue, tables or {}, rows or {})

    def catalogue(self, tables: Tables | None, default_dataset: str | None) -> Catalogue:
        return Catalogue(self._server, self._types, self._builtin, tables or {}, default_dataset)

    def close(self) -> None:
        self._server.close()
