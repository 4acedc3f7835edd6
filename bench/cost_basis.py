"""What `headwater cost` reckons with: how long rows are, how many there are of each event, which columns are read.

Rows are measured on 90 days of synthetic events, by BigQuery's rules of size; columns are read off the statements as
dbt compiles them. The answer is kept in src/headwater/operate/basis.json; a test says when the models have moved on.

    python bench/cost_basis.py        writes it anew; needs sqlglot
    python bench/cost_basis.py HOME   the same, with the rows of a home that is loaded
    python bench/cost_basis.py FILE   the rows of a GA4 export alone, as Parquet: what it costs to take one in
"""

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp, parse_one
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from headwater.event import RAW_SCHEMA
from headwater.operate.basis import BASIS, LIVE
from headwater.operate.sizes import column_bytes
from headwater.settings import Settings, load_settings
from headwater.sources.read import read_file
from headwater.transform.build import Builder
from headwater.transform.project import PROJECT, variables
from headwater.transform.publish import IN_PARTS
from headwater.transform.runner import DbtRunner, Node
from headwater.transform.tick import needed
from headwater.warehouse import open_warehouse
from headwater.warehouse.protocol import RAW_TABLES, Warehouse

DAYS, PERSONS, SEED = 90, 20_000, 7
DIALECT = "duckdb"
EXPORTED = ("ga4_export", "exported_events")
NAMED_DAYS = re.compile(r"/\* (\w+) days \*/")  # what the macro of_days writes
BY_DAY = re.compile(r"\{\{ storage\((?:date|timestamp)=")

ORDER_EVENT = (
    "event_key", "event_id", "stream_id", "event_name", "event_timestamp", "batch_page_id", "batch_ordering_id",
    "batch_event_index", "transaction_id", "value", "currency",
)  # fmt: skip

KEPT_EVENT = (
    "stream_id", "event_id", "device_id", "session_key", "event_name", "event_timestamp", "batch_page_id",
    "batch_ordering_id", "batch_event_index", "user_id", "page_location", "is_engaged", "said_by", "said_source",
    "said_medium", "said_campaign", "said_domain", "first_user_source", "first_user_medium", "first_user_campaign",
    "first_user_domain", "value", "currency", "transaction_id", "says_source", "has_first_user", "is_conversion",
    "other_events", "other_page_views", "others_until", "others_engaged",
)  # fmt: skip

Schema = dict[str, dict[str, str]]
Reads = dict[str, list[str]]


def main(home: Path) -> None:
    settings = load_settings(home, {})
    with open_warehouse(settings) as warehouse:
        builder = Builder(settings, warehouse)
        builder.build(full_refresh=True, test=False)
        found = programs(settings, warehouse)
        tick = builder.warm_tick()
        tick.run(0, _number(warehouse, "max(batch_id)", "headwater_batches"))  # all of history is in scope
        events = _number(warehouse, "count(*)", RAW_TABLES[0])
        places = {RAW_TABLES[0]: RAW_TABLES[0]} | {
            node.name: f"{tick.bench}.{node.name}" for node in tick.nodes if not node.is_view
        }
        tables = {name: measured(warehouse, place, events) for name, place in places.items()}
        came_back = returns(warehouse)
    kept = json.loads(BASIS.read_text(encoding="utf-8"))["tables"]
    tables |= {name: kept[name] for name in EXPORTED}
    tables[RAW_TABLES[1]] = tables[RAW_TABLES[0]]  # streamed events are no shorter
    tables["scope_streamed_events"] = tables["scope_loaded_events"]
    tables["scope_kept_events"] = tables["int_kept_events"]  # of which it takes those of the devices in scope
    published = [node.name for node in tick.nodes if node.publish in IN_PARTS]
    by_day = [*RAW_TABLES, *(name for name in published if is_kept_by_day(name))]
    basis = {
        "events": events,
        "published": published,
        "by_day": by_day,
        "returns": came_back,
        "tables": tables,
        "programs": found,
    }
    write(basis, events)


def write(basis: Mapping[str, Any], events: int) -> None:
    BASIS.write_text(json.dumps(basis, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    print(f"{events:,} events measured; {BASIS.name} is written anew")


def of_export(file: Path) -> None:
    """Its rows as they lie there, and as the events that are made of them."""
    raw = pq.read_table(file)
    events = pa.concat_tables([batch.events for batch in read_file(file)])
    basis = json.loads(BASIS.read_text(encoding="utf-8"))
    for name, rows in zip(EXPORTED, (raw, events), strict=True):
        basis["tables"][name] = {"rows_per_event": 1.0, "bytes": column_bytes(rows)}
    write(basis, events.num_rows)


def measured(warehouse: Warehouse, place: str, events: int) -> dict[str, Any]:
    rows = warehouse.query(f"select * from {place}")
    return {"rows_per_event": round(rows.num_rows / events, 6), "bytes": column_bytes(rows)}


def is_kept_by_day(model: str) -> bool:
    (source,) = PROJECT.glob(f"models/*/{model}.sql")
    return bool(BY_DAY.search(source.read_text(encoding="utf-8")))


def returns(warehouse: Warehouse) -> list[float]:
    """Number of days → of those who are there on a day, the share who were also there that many days before.

    The generator's visits go round its days in a circle: beyond half of them it is the way back that one sees."""
    found = warehouse.query(
        """
        with days as (
            select distinct person_id, session_date as day from stg_ga4_sessions
        ),

        first as (
            select min(day) as day from days
        ),

        lags as (
            select unnest(range(0, (select max(day) - min(day) from days) // 2 + 1)) as lag
        )

        select
            lags.lag,
            count(before.day) / count(*) as share
        from lags
        inner join days on days.day - cast(lags.lag as integer) >= (select day from first)
        left join days as before
            on before.person_id = days.person_id and before.day = days.day - cast(lags.lag as integer)
        group by lags.lag
        order by lags.lag
        """
    )
    return [round(share, 6) for share in found["share"].to_pylist()]


def programs(settings: Settings, warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Name → the statements of a tick, of a full build and of the tests over what is published."""
    build_schema = f"{warehouse.schema}_build"
    schema = _own_tables(warehouse.schema)
    runner = DbtRunner(
        settings.home / "dbt", warehouse.dbt_output(build_schema), variables(settings, warehouse.schema)
    )
    compile_ = ["compile", "--no-write-json", "--select", "resource_type:model"]
    tick = needed(runner.run(compile_))
    full = runner.run([*compile_, "--full-refresh"])
    models = [node for node in full if node.kind == "model" and not node.name.startswith("scope_")]
    by_name = {node.name: node for node in models}
    checks = [node for node in full if node.kind == "test" and node.reads <= by_name.keys()]
    told = {
        "tick": told_of(tick, schema, warehouse.schema),
        "build": told_of(models, schema, warehouse.schema),
    }
    tests = statements(
        checks, {node.name: node for node in models if node.is_view}, dict(schema), warehouse.schema
    )
    for one in tests:  # they run over what is published
        one["reads"] = {
            f"{LIVE}{table.removeprefix(LIVE)}": columns for table, columns in one["reads"].items()
        }
    return told | {"tests": tests}


def told_of(nodes: list[Node], schema: Schema, live: str) -> list[dict[str, Any]]:
    views = {node.name: node for node in nodes if node.is_view}
    return statements([node for node in nodes if not node.is_view], views, schema, live)


def statements(
    nodes: list[Node], views: Mapping[str, Node], schema: Schema, live: str
) -> list[dict[str, Any]]:
    found = []
    for node in nodes:
        selects, reads = reading(node.sql, views, schema, live)
        schema.setdefault(node.name, dict.fromkeys(selects, "text"))
        found.append({"name": node.name, "reads": reads} | days_named(node.sql))
    return found


def days_named(sql: str) -> dict[str, str]:
    """Which days of the raw tables a tick names in it. What an export has newly covered is looked at once a day:
    that is not what a tick costs."""
    named = set(NAMED_DAYS.findall(sql)) - {"covered"}
    return {"days": min(named)} if named else {}


def reading(sql: str, views: Mapping[str, Node], schema: Schema, live: str) -> tuple[list[str], Reads]:
    """What a statement selects, and the columns that it reads of each table, with its views written out."""
    tree = _written_out(parse_one(sql, dialect=DIALECT), views, live)
    tree = qualify(
        tree, schema=schema, dialect=DIALECT, validate_qualify_columns=False, quote_identifiers=False
    )
    selects = tree.named_selects
    reads: dict[str, set[str]] = {}
    for scope in traverse_scope(pushdown_projections(tree)):
        for _, source in scope.selected_sources.values():
            if isinstance(source, exp.Table):
                reads.setdefault(source.name, set())
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if (
                isinstance(source, exp.Table) and column.name != "rowid"
            ):  # DuckDB's way to a column named beside it
                reads[source.name].add(column.name)
    for name in RAW_TABLES:  # BigQuery takes no query of them without a filter by their partitions
        if f"live__{name}" in reads:
            reads[f"live__{name}"].add("event_timestamp")
    known = {name: sorted(columns) for name, columns in sorted(reads.items())}
    return selects, {name.replace("live__", LIVE): columns for name, columns in known.items()}


def _written_out(tree: exp.Expression, views: Mapping[str, Node], live: str) -> exp.Expression:
    for table in list(tree.find_all(exp.Table)):
        if not table.db:
            continue
        alias = table.alias or table.name
        if table.name in views and table.db != live:
            inner = _written_out(parse_one(views[table.name].sql, dialect=DIALECT), views, live)
            table.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias))))
        else:
            name = f"live__{table.name}" if table.db == live else table.name
            table.replace(exp.alias_(exp.Table(this=exp.to_identifier(name)), alias, table=True))
    return tree


def _own_tables(live: str) -> Schema:
    raw = dict.fromkeys([*RAW_SCHEMA.names, "batch_id", "rowid"], "text")  # the last as DuckDB has it
    return {
        **{f"live__{name}": raw for name in RAW_TABLES},
        "live__headwater_coverage": dict.fromkeys(
            ("stream_id", "source_kind", "quarter", "batch_id"), "text"
        ),
        "live__exchange_rates": dict.fromkeys(("rate_date", "currency", "rate"), "text"),
        "live__int_devices": dict.fromkeys(("device_id", "person_id"), "text"),
        "live__int_logins": dict.fromkeys(("device_id", "user_id", "person_id"), "text"),
        "live__stg_ga4_sessions": dict.fromkeys(
            ("device_id", "session_key", "session_start", "session_end"), "text"
        ),
        "live__int_kept_events": dict.fromkeys(KEPT_EVENT, "text"),
        "live__stg_ga4_conversions": dict.fromkeys(("device_id", "transaction_id"), "text"),
        "live__int_orders": dict.fromkeys(("person_id", *ORDER_EVENT), "text"),
        "headwater_window": dict.fromkeys(("from_batch", "to_batch"), "text"),
        "traffic_sources": dict.fromkeys(("source", "name", "category"), "text"),
    }


def _number(warehouse: Warehouse, what: str, table: str) -> int:
    return int(warehouse.query(f"select {what} as n from {table}")["n"][0].as_py())


if __name__ == "__main__":
    from common import headwater

    if sys.argv[1:] and Path(sys.argv[1]).is_file():
        of_export(Path(sys.argv[1]))
    elif sys.argv[1:]:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            home, made = Path(folder) / "home", str(Path(folder) / "events")
            headwater(
                home,
                "generate",
                "--days",
                str(DAYS),
                "--persons",
                str(PERSONS),
                "--seed",
                str(SEED),
                "--out",
                made,
            )
            headwater(home, "load", made)
            main(home)
