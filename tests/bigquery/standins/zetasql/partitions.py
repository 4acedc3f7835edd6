"""Whether a statement says which days it reads of a table that asks for that (require_partition_filter)."""

from collections.abc import Iterator, Mapping
from typing import Any

from bigquery.standins.zetasql.tree import ancestor, concrete

CONDITIONS = ("filter_expr", "join_expr", "where_expr", "merge_expr")
COMPARISONS = ("$equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal", "$between", "$in")
COLUMN, SUBQUERY, SCAN = "ResolvedColumnRefProto", "ResolvedSubqueryExprProto", "ResolvedTableScanProto"
UNREAD = ("ResolvedInsertStmtProto", "ResolvedTruncateStmtProto")  # their table is only written


def unfiltered(resolved: Any, kept_by: Mapping[str, str]) -> str | None:
    """The first table that is read without a condition on the column by which it is kept."""
    bounded = {number for condition in conditions(resolved) for number in bounds(condition)}
    for scan in scans(resolved):
        column = kept_by.get(scan.table.full_name)
        if column and not any(
            one.name == column and one.column_id in bounded for one in scan.parent.column_list
        ):
            return str(scan.table.full_name)
    return None


def scans(node: Any) -> Iterator[Any]:
    """All that a statement reads."""
    if node.DESCRIPTOR.name == SCAN:
        yield node
    for field, value in node.ListFields():
        if field.message_type is None or (node.DESCRIPTOR.name in UNREAD and field.name == "table_scan"):
            continue
        for item in value if field.is_repeated else [value]:
            yield from scans(item)


def conditions(node: Any) -> Iterator[Any]:
    for field, value in node.ListFields():
        if field.message_type is None:
            continue
        for item in value if field.is_repeated else [value]:
            if field.name in CONDITIONS:
                yield concrete(item)
            yield from conditions(item)


def bounds(expression: Any) -> set[int]:
    """The columns that the condition compares with something that is known without reading their own tables."""
    call = ancestor(expression, "ResolvedFunctionCallBaseProto")
    if call is None:
        return set()
    name = call.function.name.removeprefix("ZetaSQL:")
    parts = [concrete(one) for one in call.argument_list]
    if name == "$and":
        return set().union(*map(bounds, parts))
    if name == "$or":
        return set.intersection(*map(bounds, parts))
    if name not in COMPARISONS:
        return set()
    sides = [columns(part) for part in parts]
    named = [side for side in sides if side]
    return named[0] if len(named) == 1 else set()


def columns(expression: Any) -> set[int]:
    """Those of the row itself: what a subquery of its own finds is a value."""
    if expression.DESCRIPTOR.name == SUBQUERY:
        return {one.column.column_id for one in expression.parameter_list}
    if expression.DESCRIPTOR.name == COLUMN:
        return {expression.column.column_id}
    return {
        number
        for field, value in expression.ListFields()
        if field.message_type is not None
        for item in (value if field.is_repeated else [value])
        for number in columns(item)
    }
