"""What a tick must not overlook: rows outside the days that it would look at, where a warehouse keeps days apart."""

from datetime import timedelta

import pyarrow as pa

from headwater.transform.days import DaysOfBuild, of_dates, of_moments
from headwater.transform.tick import Tick
from headwater.warehouse.protocol import RAW_TABLES, Warehouse

DAY = timedelta(days=1)
KEPT_BY = {  # the days by which BigQuery keeps what is published
    "stg_ga4_sessions": ("session_date", of_dates),
    "int_touchpoints": ("touch_date", of_dates),
    "int_conversions": ("conversion_date", of_dates),
    "int_attribution_credits": ("conversion_date", of_dates),
    "stg_ga4_conversions": ("conversion_at", of_moments),
    "int_orders": ("event_timestamp", of_moments),
    "int_user_journeys": ("last_touch_at", of_moments),
}


def overlooked(
    warehouse: Warehouse, tick: Tick, days: DaysOfBuild, from_batch: int, to_batch: int
) -> dict[str, int]:
    """Asked between a tick's statements and its publication; empty where its days are enough."""

    live = warehouse.schema  # by its name, since a workbench may hide it

    def rows(table: str, condition: str) -> int:
        return int(ask(warehouse, f"select count(*) as n from {table} where {condition}")["n"][0].as_py())

    in_scope = f"person_id in (select person_id from {tick.bench}.scope_persons)"
    from_cut = (
        f"exists (select 1 from {tick.bench}.scope_cuts as cuts where cuts.device_id = int_kept_events.device_id "
        "and int_kept_events.event_timestamp >= cuts.since_at)"
    )
    any_day = "event_timestamp >= timestamp '0001-01-01 00:00:00'"  # BigQuery asks for days, if only for all
    is_new = f"batch_id > {from_batch} and batch_id <= {to_batch}"
    counted = {
        "touched": rows(f"{tick.bench}.stg_ga4_events", f"not {of_moments('event_timestamp', days.touched)}"),
        "kept": rows(
            f"{live}.int_kept_events", f"{from_cut} and not {of_moments('event_timestamp', days.touched)}"
        ),
        **{
            f"new in {table}": rows(
                table, f"{is_new} and {any_day} and not {of_moments('event_timestamp', days.new)}"
            )
            for table in RAW_TABLES
        },
        **{
            f"published in {table}": rows(
                f"{live}.{table}", f"{in_scope} and not {condition(column, days.published)}"
            )
            for table, (column, condition) in KEPT_BY.items()
        },
    }
    covered = ask(warehouse, f"select event_date from {tick.bench}.scope_covered_days")[
        "event_date"
    ].to_pylist()
    counted["covered"] = sum(
        not any(first <= day <= last for first, last in days.covered)
        for each in covered
        for day in (each - DAY, each, each + DAY)
    )
    return {what: count for what, count in counted.items() if count}


def ask(warehouse: Warehouse, sql: str) -> pa.Table:
    """BigQuery's workbench has no views: a statement brings those along that it reads."""
    bench = getattr(warehouse, "_bench", None)
    if bench is None:
        return warehouse.query(sql)
    from headwater.warehouse.bigquery_dialect import translated

    return warehouse.query_as_written(bench.with_views(translated(sql)))
