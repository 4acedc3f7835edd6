"""How much comes in, asked of the warehouse that it came into."""

from datetime import timedelta

from headwater.errors import HeadwaterError
from headwater.operate.reads import Looks, Workload
from headwater.settings import Settings
from headwater.warehouse.protocol import RAW_TABLES, Reader, ReadsExports

# A filter that is always true: on BigQuery a raw table takes no question without one.
OF = "select count(*) as n, min(event_timestamp) as first, max(event_timestamp) as last from {} \
where event_timestamp >= timestamp '0001-01-01 00:00:00'"


def workload_of(warehouse: Reader, test_seconds: float, looks: Looks | None = None) -> Workload | None:
    """Events a day, on average over the days there are, and how many days a table holds; None without any."""
    loaded, streamed = (warehouse.query(OF.format(table)).to_pylist()[0] for table in RAW_TABLES)
    spans = [one for one in (loaded, streamed) if one["n"]]
    if not spans:
        return None
    days = [max((one["last"] - one["first"]) / timedelta(days=1), 1.0) for one in spans]
    per_day = max(one["n"] / length for one, length in zip(spans, days, strict=True))
    return Workload(
        events_per_day=per_day,
        loaded_days=loaded["n"] / per_day,
        streamed_days=streamed["n"] / per_day,
        test_seconds=test_seconds,
        looks=looks,
    )


def looks_of(settings: Settings, warehouse: Reader) -> Looks | None:
    """At the exports that the engine takes in. One that cannot be asked may have a table of today as well."""
    exports = settings.warehouse.export
    if not exports or not isinstance(warehouse, ReadsExports):
        return None
    may_have = [_may_have_intraday(warehouse, export) for export in exports]
    return Looks(settings.warehouse.export_minutes * 60, len(exports), any(may_have))


def _may_have_intraday(warehouse: ReadsExports, export: str) -> bool:
    try:
        return any(table.kind == "export_intraday" for table in warehouse.exported_tables(export))
    except HeadwaterError:
        return True
