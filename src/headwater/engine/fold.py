"""Keeps the books short: ticks and appends leave a row each, and only the newest are ever looked up."""

from datetime import datetime

from headwater.sources.journal import ORIGIN
from headwater.warehouse.protocol import Warehouse

KEPT = 10_000  # rows of each kind, about an hour of them


def fold(warehouse: Warehouse) -> None:
    """Older appends of the journal become one row with their sums; older ticks are forgotten."""
    with warehouse.appending():
        cut = _number(warehouse, "select max(batch_id) from headwater_batches") - KEPT
        old = f"origin = '{ORIGIN}' and batch_id <= {cut}"
        (sums,) = warehouse.query(
            f"""
            select
                count(*) as batches, max(batch_id) as batch_id, min(table_name) as table_name,
                cast(sum(accepted) as bigint) as accepted, cast(sum(duplicates) as bigint) as duplicates,
                cast(sum(dead_letters) as bigint) as dead_letters,
                max(case when accepted > 0 and first_event_at is null then 1 else 0 end) = 0 as is_bounded,
                min(first_event_at) as first_event_at, max(last_event_at) as last_event_at
            from headwater_batches where {old}
            """
        ).to_pylist()
        if sums["batches"] > 1:
            warehouse.execute(f"delete from headwater_batches where {old} and batch_id <> {sums['batch_id']}")
            warehouse.execute(
                f"""
                update headwater_batches set
                    accepted = {sums["accepted"]},
                    duplicates = {sums["duplicates"]},
                    dead_letters = {sums["dead_letters"]},
                    first_event_at = {_moment(sums["first_event_at"] if sums["is_bounded"] else None)},
                    last_event_at = {_moment(sums["last_event_at"] if sums["is_bounded"] else None)}
                where batch_id = {sums["batch_id"]}
                """
            )
        newest = _number(warehouse, "select max(build_id) from headwater_builds")
        warehouse.execute(f"delete from headwater_builds where build_id <= {newest - KEPT} and not is_full")


def _moment(moment: datetime | None) -> str:
    return f"timestamp '{moment}'" if moment else "null"


def _number(warehouse: Warehouse, sql: str) -> int:
    return int(warehouse.query(sql).column(0)[0].as_py() or 0)
