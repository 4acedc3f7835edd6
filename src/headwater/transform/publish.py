"""Publishes a finished build: all in one transaction, so that a reader sees one build or the next and never a mix."""

from collections.abc import Sequence

from headwater.transform.days import DaysOfBuild, of_dates, of_moments
from headwater.transform.runner import Node
from headwater.warehouse.protocol import Warehouse

IN_PARTS = ("person", "device")  # ways to publish the rows that a build has made anew, and no others


def define(warehouse: Warehouse, build_schema: str, nodes: Sequence[Node], *, full: bool) -> None:
    """Makes what a full build is published into: tables as yet without its rows, and the views over them."""
    if not full:
        return
    for node in published(nodes, *IN_PARTS, "whole"):
        make_room(warehouse, build_schema, node.name)
    for node in published(nodes, "view"):  # in the order in which dbt built them: each after what it reads
        replace_view(warehouse, build_schema, node)


def publish(
    warehouse: Warehouse, build_schema: str, nodes: Sequence[Node], days: DaysOfBuild | None = None
) -> None:
    """All rows, or those that an incremental build of these `days` makes anew. Must run within the caller's
    transaction, together with the watermark."""
    for node in published(nodes, *IN_PARTS, *([] if days else ["whole"])):
        replace_rows(warehouse, build_schema, node, days)


def published(nodes: Sequence[Node], *ways: str) -> list[Node]:
    return [node for node in nodes if node.kind in ("model", "seed") and node.publish in ways]


def make_room(warehouse: Warehouse, build_schema: str, table: str) -> None:
    target = f"{warehouse.schema}.{table}"
    names = warehouse.columns(warehouse.schema, table)
    if names and names != warehouse.columns(build_schema, table):
        warehouse.execute(f"drop table {target} cascade")
    warehouse.make_like(target, f"{build_schema}.{table}")
    warehouse.index(table)


def replace_rows(warehouse: Warehouse, build_schema: str, node: Node, days: DaysOfBuild | None) -> None:
    """Questions are about the last days: in the order of time, a warehouse passes over what is older."""
    source, target = f"{build_schema}.{node.name}", f"{warehouse.schema}.{node.name}"
    condition = f" where {replaced(build_schema, node, days)}" if days else ""
    warehouse.execute(f"delete from {target}{condition}")
    order = f" order by {node.ordered_by}" if days is None and node.ordered_by else ""
    warehouse.execute(f"insert into {target} select * from {source}{order}")


def replaced(build_schema: str, node: Node, days: DaysOfBuild) -> str:
    """The rows that an incremental build makes anew, on the only days on which there are any: where a warehouse keeps
    the table by days, it passes over all others."""
    if node.publish == "person":
        found = f"person_id in (select person_id from {build_schema}.scope_persons)"
    else:
        found = (
            f"exists (select 1 from {build_schema}.scope_cuts as cuts where cuts.device_id = {node.name}.device_id "
            f"and {node.name}.event_timestamp >= cuts.since_at)"
        )
    on_days = {"date": of_dates, "timestamp": of_moments}
    kept_by = node.partition or ({} if node.publish == "person" else {"event_timestamp": "timestamp"})
    bounds = [
        on_days[kind](column, days.published if node.publish == "person" else days.touched)
        for column, kind in kept_by.items()
    ]
    return " and ".join([*bounds, found])


def replace_view(warehouse: Warehouse, build_schema: str, node: Node) -> None:
    """The build's own statement, reading what is published instead of what is being built."""
    names = warehouse.columns(warehouse.schema, node.name)
    if names and names != warehouse.columns(build_schema, node.name):
        warehouse.execute(f"drop view {warehouse.schema}.{node.name} cascade")
    sql = warehouse.unqualified(node.sql).replace(
        f"{warehouse.quoted(build_schema)}.", f"{warehouse.quoted(warehouse.schema)}."
    )
    warehouse.make("view", f"{warehouse.schema}.{node.name}", sql, anew=True)


def clear(warehouse: Warehouse, build_schema: str) -> None:
    """Drops what a build leaves behind, or one that failed has left.

    dbt builds several models at once, and would wait for itself if it had to replace views that hang together."""
    standing = warehouse.relations(build_schema)
    for name, kind in sorted(standing.items(), key=lambda found: found[1] != "view"):
        if name != "headwater_window":
            warehouse.execute(f"drop {kind} if exists {build_schema}.{name} cascade")
