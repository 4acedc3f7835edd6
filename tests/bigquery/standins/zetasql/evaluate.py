"""The rows of a SELECT, worked out by Google's reference evaluator."""

from collections.abc import Mapping, Sequence
from typing import Any

from bigquery.standins.zetasql.catalogue import Catalogue, Tables
from bigquery.standins.zetasql.server import Server
from bigquery.standins.zetasql.tree import nodes, place
from bigquery.standins.zetasql.types import Types
from bigquery.standins.zetasql.values import Values

Row = Mapping[str, Any]


class Evaluator:
    def __init__(self, server: Server, types: Types, options: Any) -> None:
        self._server = server
        self._types = types
        self._values = Values(server)
        self._options = server.message("AnalyzerOptionsProto")
        self._options.CopyFrom(options)
        self._options.ClearField("system_variables")  # each would need a value

    def rows(
        self, sql: str, catalogue: Catalogue, tables: Tables, rows: Mapping[str, Sequence[Row]]
    ) -> list[dict[str, Any]]:
        request = self._server.message(
            "local_service.EvaluateQueryRequest",
            sql=self._with_whole_names(sql, catalogue.written_names()),
            options=self._options,
            simple_catalog=catalogue.proto(),
        )
        for name, columns in tables.items():
            kinds = {column: self._types.of(kind) for column, kind in columns.items()}
            data = request.table_content[name].table_data
            data.SetInParent()
            for row in rows.get(name, ()):
                data.row.add().cell.extend(
                    self._values.proto(row.get(column), kind) for column, kind in kinds.items()
                )
        answer = self._server.call("EvaluateQuery", request)
        columns = answer.prepared.columns
        return [
            {
                column.name: self._values.python(cell, column.type)
                for column, cell in zip(columns, row.cell, strict=True)
            }
            for row in answer.content.table_data.row
        ]

    def _with_whole_names(self, sql: str, tables: Mapping[str, str]) -> str:
        """Rows can be given to tables whose name is one identifier only: `p`.`d`.`t` becomes `p.d.t` as t."""
        request = self._server.message(
            "local_service.ParseRequest", sql_statement=sql, options=self._options.language_options
        )
        text = sql.encode()
        found = []
        for table in nodes(self._server.call("Parse", request), "ASTTablePathExpressionProto"):
            names = [name.id_string for name in table.path_expr.names]
            if whole := tables.get(".".join(names)):
                alias = "" if table.HasField("alias") else f" as `{names[-1].split('.')[-1]}`"
                found.append((place(table.path_expr), f"`{whole}`{alias}"))
        for where, name in sorted(found, key=lambda pair: -pair[0].start):
            text = text[: where.start] + name.encode() + text[where.end :]
        return text.decode()
