"""Runs an incremental build's statements as dbt has compiled them, without dbt: what a tick is made of.

dbt's own work around twenty small statements takes longer than the statements. They change with the settings and the
models only, so they are compiled once and kept. The window goes into them as plain numbers, and the days to look at as
plain dates: an engine that sees them passes over all the rest of history."""

import re
from collections.abc import Sequence

from headwater.errors import BuildError, QueryError
from headwater.transform.days import DaysOfBuild
from headwater.transform.publish import IN_PARTS
from headwater.transform.runner import STILL_THERE, Node
from headwater.warehouse.protocol import Kind, Warehouse

WINDOW = re.compile(r"\(select (from_batch|to_batch) from \S+headwater_window[^\s)]*\)")


class Tick:
    def __init__(self, nodes: Sequence[Node], build_schema: str, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.bench = warehouse.workbench()
        self.nodes = needed(nodes)
        moved = {node.relation: f"{self.bench}.{node.name}" for node in self.nodes}
        # what is left in the build schema is a seed: its published copy is always whole
        moved[f"{warehouse.quoted(build_schema)}."] = f"{warehouse.quoted(warehouse.schema)}."
        self._statements = [(node, rewritten(node.sql, moved)) for node in self.nodes]

    def run(self, from_batch: int, to_batch: int) -> DaysOfBuild:
        """Leaves the tables of the persons in scope on the workbench; says of which days they are."""
        window = {"from_batch": from_batch, "to_batch": to_batch}
        days = DaysOfBuild(self._warehouse, self.bench, from_batch, to_batch)
        for node, sql in self._statements:
            kind, place = self._made(node)
            bounded = WINDOW.sub(lambda bound: str(window[bound[1]]), sql)
            try:
                self._warehouse.make(kind, place, days.put_into(bounded))
                if kind == "table":
                    self._warehouse.analyze(place)
            except QueryError as error:
                raise BuildError(
                    f"The model {node.name} could not be built, and {STILL_THERE}: {error}"
                ) from error
        return days

    def clear(self) -> None:
        """Takes everything off the workbench: on some engines it hides published tables of the same name."""
        self._warehouse.unmake([self._made(node) for node in reversed(self.nodes)])

    def _made(self, node: Node) -> tuple[Kind, str]:
        return "view" if node.is_view else "table", f"{self.bench}.{node.name}"


def needed(nodes: Sequence[Node]) -> list[Node]:
    """The models that a tick publishes, and those that they are made from, in the order in which they can be built."""
    models = {node.name: node for node in nodes if node.kind == "model"}
    wanted = {"scope_persons", *(name for name, node in models.items() if node.publish in IN_PARTS)}
    while more := {name for one in wanted for name in models[one].reads if name in models} - wanted:
        wanted |= more
    ordered: dict[str, Node] = {}
    while len(ordered) < len(wanted):
        ready = sorted(
            name for name in wanted - ordered.keys() if models[name].reads & wanted <= ordered.keys()
        )
        ordered |= {name: models[name] for name in ready}
    return list(ordered.values())


def rewritten(sql: str, moved: dict[str, str]) -> str:
    for relation, place in moved.items():
        sql = sql.replace(relation, place)
    return sql
