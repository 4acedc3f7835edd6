"""Says headwater's own statements in BigQuery's words.

They are written once, in the SQL that DuckDB and PostgreSQL share. sqlglot knows most of what differs; the rest are the
passes below. What users write, and what dbt has compiled, is BigQuery's SQL already and never comes through here."""

from functools import lru_cache

import sqlglot
from sqlglot import exp

from headwater.errors import QueryError
from headwater.warehouse.protocol import RAW_TABLES

ALWAYS = "timestamp '0001-01-01 00:00:00+00'"  # before every event: a filter that lets all of them pass


@lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise QueryError(
            f"This SQL cannot be said in BigQuery's words: {' '.join(str(error).split())[:300]}"
        ) from error
    for change in PASSES:
        tree = tree.transform(change)
    for select in tree.find_all(exp.Select):
        filter_partitions(select)
    return str(tree.sql(dialect="bigquery", unsupported_level=sqlglot.ErrorLevel.IGNORE))


def exact_types(node: exp.Expression) -> exp.Expression:
    """A timestamp is a moment in UTC everywhere; JSON is kept as the text that it came as."""
    if not isinstance(node, exp.DataType):
        return node
    if node.is_type("timestamp", "timestampntz"):
        return exp.DataType.build("timestamptz")
    if node.is_type("json"):
        return exp.DataType.build("text")
    if node.is_type("decimal"):
        precision, scale = digits(node)
        kind = "numeric" if scale <= 9 and precision - scale <= 29 else "bignumeric"
        size = "" if isinstance(node.parent, exp.Cast) else f"({precision}, {scale})"
        return exp.DataType.build(f"{kind}{size}", dialect="bigquery")
    return node


def digits(decimal: exp.DataType) -> tuple[int, int]:
    sizes = [int(size.name) for size in decimal.expressions]
    return (sizes[0], sizes[1] if len(sizes) > 1 else 0) if sizes else (38, 9)


def rounded(node: exp.Expression) -> exp.Expression:
    """A cast to so many digits after the point: BigQuery's types in a cast have all they can hold."""
    if isinstance(node, exp.Cast) and node.to.is_type("decimal") and not isinstance(node.parent, exp.Round):
        _, scale = digits(node.to)
        return exp.Round(this=node, decimals=exp.Literal.number(scale))
    return node


def parameters(node: exp.Expression) -> exp.Expression:
    """$1 is @p1."""
    if isinstance(node, exp.Parameter | exp.Placeholder) and node.name.isdigit():
        return exp.Parameter(this=exp.var(f"p{node.name}"))
    return node


def moments(node: exp.Expression) -> exp.Expression:
    """What is a moment in UTC already stays one."""
    if isinstance(node, exp.AtTimeZone) and node.args["zone"].name == "UTC":
        return moments(node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "now":
        return exp.CurrentTimestamp()
    return node


def durations(node: exp.Expression) -> exp.Expression:
    """extract(epoch from a - b): BigQuery's difference of two moments is an interval, which has no epoch."""
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        between = node.expression.unnest()
        if isinstance(between, exp.Sub):
            micros = exp.Anonymous(
                this="timestamp_diff", expressions=[between.this, between.expression, exp.var("MICROSECOND")]
            )
            return exp.paren(exp.Div(this=micros, expression=exp.Literal.number("1000000"), typed=False))
    return node


def definitions(node: exp.Expression) -> exp.Expression:
    """BigQuery checks no keys, has no indexes and knows no cascade."""
    if isinstance(node, exp.ColumnDef):
        kept = [
            one
            for one in node.args.get("constraints") or []
            if not isinstance(one.kind, exp.PrimaryKeyColumnConstraint)
        ]
        node.set("constraints", kept)
    if isinstance(node, exp.Drop):
        node.set("cascade", False)
    return node


def all_rows(node: exp.Expression) -> exp.Expression:
    """A delete or an update of all rows has to say so."""
    if isinstance(node, exp.Delete | exp.Update) and not node.args.get("where"):
        node.set("where", exp.Where(this=exp.true()))
    return node


PASSES = (rounded, exact_types, parameters, moments, durations, definitions, all_rows)


def filter_partitions(select: exp.Select) -> None:
    """A raw table is read with a filter on its partitions, if only with one that lets all of them pass."""
    where = select.args.get("where")
    for source in [select.args.get("from_"), *(select.args.get("joins") or [])]:
        table = source.this if source else None
        if not isinstance(table, exp.Table) or table.name not in RAW_TABLES:
            continue
        alias, given = table.alias_or_name, [source.args.get("on"), where]
        named = [column for part in given if part for column in part.find_all(exp.Column)]
        if any(one.name == "event_timestamp" and one.table in ("", alias) for one in named):
            continue
        everything = sqlglot.parse_one(f"{alias}.event_timestamp >= {ALWAYS}", read="bigquery")
        if source.args.get("side"):  # of an outer join all rows of the other side stay
            source.on(everything, copy=False)
        else:
            select.where(everything, copy=False)
