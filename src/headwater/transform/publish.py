"""Publishes a finished build: all in one transaction, so that a reader sees one build or the next and never a mix."""

from collections.abc import Sequence

from headwater.transform.runner import Node
from headwater.warehouse.protocol import Warehouse


def publish(warehouse: Warehouse, build_schema: str, nodes: Sequence[Node], *, full: bool) -> None:
    """Must run within the caller's transaction, together with the watermark."""
    published = [node for node in nodes if node.kind in ("model", "seed") and node.publish != "none"]
    for node in published:
        if node.publish == "person":
            replace_rows(warehouse, build_schema, node.name, full=full, ordered_by=node.ordered_by)
    if full:
        for node in published:
            if node.publish == "whole":
                replace_rows(warehouse, build_schema, node.name, full=True)
        for node in published:  # in the order in which dbt built them: each view after what it reads
            if node.publish == "view":
                replace_view(warehouse, build_schema, node)


def replace_rows(
    warehouse: Warehouse, build_schema: str, table: str, *, full: bool, ordered_by: str = ""
) -> None:
    """Questions are about the last days: in the order of time, a warehouse passes over what is older."""
    source, target = f"{build_schema}.{table}", f"{warehouse.schema}.{table}"
    if full:
        names = warehouse.columns(warehouse.schema, table)
        if names and names != warehouse.columns(build_schema, table):
            warehouse.execute(f"drop table {target} cascade")
        warehouse.execute(f"create table if not exists {target} as select * from {source} where false")
        warehouse.index(table)
        warehouse.execute(f"delete from {target}")
    else:
        warehouse.execute(
            f"delete from {target} where person_id in (select person_id from {build_schema}.scope_persons)"
        )
    order = f" order by {ordered_by}" if full and ordered_by else ""
    warehouse.execute(f"insert into {target} select * from {source}{order}")


def replace_view(warehouse: Warehouse, build_schema: str, node: Node) -> None:
    """The build's own statement, reading what is published instead of what is being built."""
    names = warehouse.columns(warehouse.schema, node.name)
    if names and names != warehouse.columns(build_schema, node.name):
        warehouse.execute(f"drop view {warehouse.schema}.{node.name} cascade")
    sql = warehouse.unqualified(node.sql).replace(f'"{build_schema}".', f'"{warehouse.schema}".')
    warehouse.execute(f"create or replace view {warehouse.schema}.{node.name} as {sql}")


def clear(warehouse: Warehouse, build_schema: str) -> None:
    """Drops what a build leaves behind, or one that failed has left.

    dbt builds several models at once, and would wait for itself if it had to replace views that hang together."""
    standing = warehouse.query(
        f"select table_name, table_type from information_schema.tables where table_schema = '{build_schema}'"
    ).to_pylist()
    for relation in sorted(standing, key=lambda found: found["table_type"] != "VIEW"):
        if relation["table_name"] != "headwater_window":
            kind = "view" if relation["table_type"] == "VIEW" else "table"
            warehouse.execute(f"drop {kind} if exists {build_schema}.{relation['table_name']} cascade")
