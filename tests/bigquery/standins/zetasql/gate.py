"""Whether BigQuery would take a statement or a script: Google's analyser over the tables that are there."""

from collections.abc import Mapping, Sequence
from typing import Any

from bigquery.standins.zetasql.catalogue import Catalogue
from bigquery.standins.zetasql.partitions import unfiltered
from bigquery.standins.zetasql.server import RejectedError, Server
from bigquery.standins.zetasql.tree import ancestor, concrete, nodes, place
from bigquery.standins.zetasql.types import Types

TEMPORARY = 3  # ResolvedCreateStatementEnums.CREATE_TEMP
AGGREGATE_CALL = "ResolvedAggregateFunctionCallProto"
ANALYTIC_ONLY = ("percentile_cont", "percentile_disc")  # aggregates as well in ZetaSQL, and not in BigQuery


class Gate:
    """Walks through a script, statement by statement, and keeps what each leaves for the next: tables, variables."""

    def __init__(
        self,
        server: Server,
        types: Types,
        options: Any,
        catalogue: Catalogue,
        parameters: Mapping[str, str] | Sequence[str] = (),
    ) -> None:
        self._server = server
        self._types = types
        self._catalogue = catalogue
        self._in_transaction = False
        self._options = server.message("AnalyzerOptionsProto")
        self._options.CopyFrom(options)
        modes = server.enum("ParameterMode")
        if isinstance(parameters, Mapping):
            self._options.parameter_mode = modes["PARAMETER_NAMED"]
            for name, kind in parameters.items():
                self._options.query_parameters.add(name=name.lower(), type=types.of(kind))
        else:
            self._options.parameter_mode = modes["PARAMETER_POSITIONAL" if parameters else "PARAMETER_NAMED"]
            self._options.positional_query_parameters.extend(types.of(kind) for kind in parameters)

    def pass_through(self, sql: str) -> None:
        """Raises RejectedError with what is wrong and where."""
        self._sql = sql
        self._bytes = sql.encode()
        parsed = self._server.call(
            "Parse",
            self._server.message(
                "local_service.ParseRequest",
                sql_statement=sql,
                allow_script=True,
                options=self._options.language_options,
            ),
        )
        self._statements(parsed.parsed_script.statement_list_node)

    def _statements(self, block: Any) -> None:
        declaring = True
        for any_statement in block.statement_list:
            statement = concrete(any_statement)
            kind = statement.DESCRIPTOR.name.removeprefix("AST").removesuffix("Proto")
            if kind == "VariableDeclaration" and not declaring:
                raise RejectedError(
                    "Variable declarations are allowed only at the start of a block or script"
                )
            declaring = kind == "VariableDeclaration"
            walk = getattr(self, f"_{kind}", None)
            if walk:
                walk(statement)
            else:
                self._statement(statement)

    def _scope(self, *blocks: Any, variables: Mapping[str, Any] | None = None) -> None:
        outside = dict(self._catalogue.variables)
        for block in blocks:
            self._catalogue.variables = outside | dict(variables or {})
            self._statements(block)
        self._catalogue.variables = outside

    # procedural statements, each named as in the parse tree

    def _VariableDeclaration(self, node: Any) -> None:  # noqa: N802
        kind = self._types.of(self._text(node.type)) if node.HasField("type") else None
        if node.HasField("default_value"):
            default = self._expression(
                self._text(node.default_value), self._text(node.type) if kind else None
            )
            kind = kind or default
        for variable in node.variable_list.identifier_list:
            self._catalogue.variables[variable.id_string.lower()] = kind

    def _SingleAssignment(self, node: Any) -> None:  # noqa: N802
        self._expression(self._text(node.expression), self._variable(node.variable))

    def _AssignmentFromStruct(self, node: Any) -> None:  # noqa: N802
        kinds = [self._variable(variable) for variable in node.variables.identifier_list]
        struct = self._expression(self._text(node.struct_expression))
        if len(struct.struct_type.field) != len(kinds):
            raise RejectedError(
                f"SET of {len(kinds)} variables from {self._types.text(struct)}: {self._text(node.struct_expression)}"
            )
        self._expression(self._text(node.struct_expression), f"STRUCT<{', '.join(kinds)}>")

    def _SystemVariableAssignment(self, node: Any) -> None:  # noqa: N802
        self._expression(self._text(node.expression))

    def _IfStatement(self, node: Any) -> None:  # noqa: N802
        self._condition(node.condition)
        for clause in node.elseif_clauses.elseif_clauses:
            self._condition(clause.condition)
        self._scope(
            node.then_list, *(clause.body for clause in node.elseif_clauses.elseif_clauses), node.else_list
        )

    def _CaseStatement(self, node: Any) -> None:  # noqa: N802
        for clause in node.when_then_clauses.when_then_clauses:
            if node.HasField("expression"):
                self._expression(f"({self._text(node.expression)}) = ({self._text(clause.condition)})")
            else:
                self._condition(clause.condition)
        self._scope(*(clause.body for clause in node.when_then_clauses.when_then_clauses), node.else_list)

    def _BeginEndBlock(self, node: Any) -> None:  # noqa: N802
        open_before = self._in_transaction
        self._scope(node.statement_list_node)
        open_after, self._in_transaction = self._in_transaction, open_before
        self._scope(*(handler.statement_list for handler in node.handler_list.exception_handler_list))
        self._in_transaction = open_after

    def _WhileStatement(self, node: Any) -> None:  # noqa: N802
        if node.HasField("condition"):
            self._condition(node.condition)
        self._scope(node.parent.body)

    def _RepeatStatement(self, node: Any) -> None:  # noqa: N802
        self._scope(node.parent.body)
        self._condition(node.until_clause.condition)

    def _ForInStatement(self, node: Any) -> None:  # noqa: N802
        row = self._expression(f"(SELECT AS STRUCT * FROM ({self._text(node.query)}))")
        self._scope(node.parent.body, variables={node.variable.id_string.lower(): row})

    def _RaiseStatement(self, node: Any) -> None:  # noqa: N802
        if node.HasField("message"):
            self._expression(self._text(node.message), "STRING")

    def _ExecuteImmediateStatement(self, node: Any) -> None:  # noqa: N802
        self._expression(self._text(node.sql), "STRING")

    def _BreakStatement(self, node: Any) -> None:  # noqa: N802
        pass

    _ContinueStatement = _ReturnStatement = _BreakStatement

    # statements of SQL

    def _statement(self, node: Any) -> None:
        location = self._server.message(
            "ParseResumeLocationProto", input=self._sql, byte_position=place(node).start, allow_resume=True
        )
        resolved = concrete(self._analyse(parse_resume_location=location).resolved_statement)
        kind = resolved.DESCRIPTOR.name.removeprefix("Resolved").removesuffix("StmtProto")
        if kind == "Insert" and resolved.insert_mode:
            raise RejectedError("INSERT OR … is not there")
        if kind == "Begin":
            self._in_transaction = True
        elif kind in ("Commit", "Rollback"):
            self._in_transaction = False
        elif kind.startswith(("Create", "Drop", "Alter")):
            self._keep(kind, resolved)

    def _keep(self, kind: str, resolved: Any) -> None:
        create = ancestor(resolved, "ResolvedCreateStatementProto")
        temporary = create is not None and create.create_scope == TEMPORARY
        if self._in_transaction and not temporary and not self._drops_temporary(resolved):
            raise RejectedError(f"a transaction takes no DDL but on temporary entities: {kind}")
        if create is None:
            if kind == "Drop":
                self._catalogue.drop_table(".".join(resolved.name_path))
            return
        if temporary and "View" in kind:
            raise RejectedError("CREATE TEMP VIEW is not there")
        if (
            len(getattr(resolved, "partition_by_list", ())) > 1
            or len(getattr(resolved, "cluster_by_list", ())) > 4
        ):
            raise RejectedError("PARTITION BY takes one expression, CLUSTER BY four columns at most")
        name = ".".join(create.name_path)
        view = ancestor(resolved, "ResolvedCreateViewBaseProto")
        table = ancestor(resolved, "ResolvedCreateTableStmtBaseProto")
        if kind == "CreateFunction":
            self._catalogue.add_function(name, resolved.signature, aggregate=resolved.is_aggregate)
        elif view is not None:
            columns = {output.name: output.column.type for output in view.output_column_list}
            self._catalogue.add_table(name, columns, temporary)
        elif table is not None:
            columns = {column.name: column.type for column in table.column_definition_list}
            self._catalogue.add_table(name, columns, temporary)

    def _drops_temporary(self, resolved: Any) -> bool:
        return resolved.DESCRIPTOR.name == "ResolvedDropStmtProto" and self._catalogue.is_temporary(
            ".".join(resolved.name_path)
        )

    def _condition(self, node: Any) -> None:
        self._expression(self._text(node), "BOOL")

    def _expression(self, text: str, kind: str | None = None) -> Any:
        """The expression's type; when one is asked for, it has to become that by itself, as in an INSERT."""
        options = self._server.message("AnalyzerOptionsProto")
        options.CopyFrom(self._options)
        if kind:
            options.target_column_types.append(self._types.of(kind))
        try:
            answer = self._analyse(options=options, sql_statement=f"SELECT {text}")
        except RejectedError as reason:
            raise RejectedError(f"{reason}, in {text}") from None
        return concrete(answer.resolved_statement).output_column_list[0].column.type

    def _variable(self, node: Any) -> str:
        kind = self._catalogue.variables.get(node.id_string.lower())
        if kind is None:
            raise RejectedError(f"Undeclared variable: {node.id_string}")
        return self._types.text(kind)

    def _analyse(self, options: Any = None, **target: Any) -> Any:
        request = self._server.message(
            "local_service.AnalyzeRequest",
            options=options or self._options,
            simple_catalog=self._catalogue.proto(),
            **target,
        )
        answer = self._server.call("Analyze", request)
        if (kept_by := self._catalogue.kept_by()) and (read := unfiltered(answer, kept_by)):
            raise RejectedError(
                f"Cannot query over table '{read}' without a filter over column(s) '{kept_by[read]}' "
                "that can be used for partition elimination"
            )
        for name in ANALYTIC_ONLY:
            if name in self._sql.lower() and name in _aggregates(answer):
                raise RejectedError(
                    f"Analytic function {name.upper()} cannot be called without an OVER clause"
                )
        return answer

    def _text(self, node: Any) -> str:
        where = place(node)
        return self._bytes[where.start : where.end].decode()


def _aggregates(answer: Any) -> set[str]:
    calls = (ancestor(call, "ResolvedFunctionCallBaseProto") for call in nodes(answer, AGGREGATE_CALL))
    return {call.function.name.removeprefix("ZetaSQL:") for call in calls if call is not None}
