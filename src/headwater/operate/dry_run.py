"""What the compiled statements of a tick and of a build read, as a warehouse tells it without running them.

A statement that reads a table of the same run cannot be told of before that table is there. In its place goes an empty
one of the same columns, which the statement that makes it has told before; what it adds the formula reckons."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Protocol, runtime_checkable

from headwater.errors import HeadwaterError
from headwater.exported import Statements
from headwater.operate.reads import LEAST, NEW_DAYS, Read, read_of
from headwater.settings import Settings
from headwater.transform.days import Days, moved, with_days
from headwater.transform.project import variables
from headwater.transform.runner import DbtRunner, Node
from headwater.transform.tick import WINDOW, needed, rewritten
from headwater.warehouse.protocol import ReadsExports, Warehouse

PUBLISHED = "int_conversions"  # there, all are
NO_BATCH = "0"  # in place of the window's bounds: which rows are new changes nothing about what is read


@runtime_checkable
class DryRuns(Protocol):
    """A warehouse that can say what a statement would read."""

    def dry_run(self, sql: str) -> tuple[int, list[tuple[str, str]]]:
        """The bytes that it would process, and the names and types of the columns that it would return."""
        ...


def measured(
    settings: Settings, warehouse: Warehouse, reckoned: Mapping[str, Sequence[Read]]
) -> dict[str, tuple[Read, ...]]:
    """Program → its statements: the models' as dry runs tell, the others as reckoned.

    A tick is taken to look at the last days: which ones they are, its events decide. Empty where there are no dry runs,
    or no tables yet."""
    if not isinstance(warehouse, DryRuns) or PUBLISHED not in warehouse.tables():
        return {}
    build_schema = f"{warehouse.schema}_build"
    runner = DbtRunner(
        Path(settings.home) / "dbt", warehouse.dbt_output(build_schema), variables(settings, warehouse.schema)
    )
    compiled = ["compile", "--no-write-json", "--select", "resource_type:model"]
    full = [one for one in runner.run([*compiled, "--full-refresh"]) if one.kind == "model"]
    programs = {
        "tick": needed(runner.run(compiled)),
        "build": [one for one in full if not one.name.startswith("scope_")],
    }
    found = {}
    for name, nodes in programs.items():
        told = {
            one.name: one for one in told_of(nodes, warehouse, build_schema, warehouse.schema, last_days())
        }
        found[name] = tuple(merged(told.get(one.name), one) for one in reckoned[name])
    return found


def of_exports(
    settings: Settings, warehouse: Warehouse, reckoned: Mapping[str, Sequence[Read]]
) -> dict[str, tuple[Read, ...]]:
    """A look and the tables that it finds, with what the newest day of each export reads, on average: today's is half
    of it. Empty where an export has no day yet, or cannot be read."""
    exports = settings.warehouse.export
    if not exports or not isinstance(warehouse, DryRuns) or not isinstance(warehouse, ReadsExports):
        return {}
    statements, looks, days = Statements(settings, warehouse), [], []
    try:
        for export in exports:
            newest = [one for one in warehouse.exported_tables(export) if one.kind == "export_daily"][-1]
            fields = warehouse.exported_fields(newest)
            if fields is None:
                return {}
            days.append(warehouse.dry_run(statements.of(newest, fields))[0])
            looks.append(warehouse.dry_run(warehouse.look(export))[0])
    except (HeadwaterError, IndexError):
        return {}
    told = {"look": mean(looks), "day": mean(days), "intraday": mean(days) / 2}
    return {
        name: (replace(merged(read_of(name, told[name]), first), name=first.name), *others)
        for name in told.keys() & reckoned.keys()
        for first, *others in [reckoned[name]]
    }


def last_days() -> dict[str, Days]:
    """What a tick looks at where no export has come, and what is new is as late as it may be."""
    today = datetime.now(UTC).date()
    last = ((moved(today, 1 - math.ceil(NEW_DAYS)), today),)
    return {"new": last, "covered": (), "touched": last}


def merged(told: Read | None, reckoned: Read) -> Read:
    """A dry run knows the tables that are there; the formula adds what is charged for each that is not."""
    if told is None:
        return reckoned
    return Read(told.name, told.read, max(told.read + max(reckoned.billed - reckoned.read, 0.0), LEAST))


def told_of(
    nodes: Iterable[Node],
    warehouse: DryRuns,
    build_schema: str,
    live_schema: str,
    days: Mapping[str, Days],
) -> list[Read]:
    """Takes the nodes in an order in which they can be made."""
    made: dict[str, tuple[Node, str]] = {}  # with what stands for each in those that read it
    found = []
    for node in nodes:
        sql = with_days(WINDOW.sub(NO_BATCH, node.sql), days.__getitem__)
        if node.is_view:
            made[node.name] = node, sql
            continue
        # what is left in the build schema is a seed, whose published copy is whole
        whole = with_tables(sql, before(node, made)).replace(build_schema, live_schema)
        read, columns = warehouse.dry_run(whole)
        found.append(Read(node.name, float(read), float(max(read, LEAST))))
        made[node.name] = node, empty(columns)
    return found


def before(node: Node, made: Mapping[str, tuple[Node, str]]) -> list[tuple[Node, str]]:
    """What it reads of the same run, and what the views among that read in turn; each after what it is made from."""
    wanted: set[str] = set()
    reading = [node]
    while reading:
        more = (reading.pop().reads & made.keys()) - wanted
        wanted |= more
        reading += [made[name][0] for name in more if made[name][0].is_view]
    return [made[name] for name in made if name in wanted]


def with_tables(sql: str, tables: Sequence[tuple[Node, str]]) -> str:
    if not tables:
        return sql
    moved = {one.relation: f"of_this_run_{one.name}" for one, _ in tables}
    parts = ",\n".join(f"of_this_run_{one.name} as (\n{rewritten(text, moved)}\n)" for one, text in tables)
    return f"with {parts}\nselect * from (\n{rewritten(sql, moved)}\n) as of_this_run"


def empty(columns: Sequence[tuple[str, str]]) -> str:
    return f"select {', '.join(f'cast(null as {kind}) as {name}' for name, kind in columns)} limit 0"
