"""Takes in a GA4 export where it lies: each of its tables that is new or has changed, one after the other."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.errors import TerminalError, UnknownTable, UsageError, WarehouseError
from headwater.event import EXPORT_KEY
from headwater.settings import Settings
from headwater.sources.export_days import SAMPLE, ExportDays
from headwater.sources.load import FileReport, LoadReport, Progress
from headwater.transform.project import variables
from headwater.transform.runner import DbtRunner
from headwater.warehouse.protocol import Appended, ExportedTable, ReadsExports, Warehouse

ANY = "headwater.any.table"  # in whose place a statement names the table that it reads


def check_configured(settings: Settings) -> None:
    if not settings.warehouse.export:
        raise UsageError(
            "There is nothing to load: name files or folders, or let warehouse.export name a GA4 export on BigQuery "
            '("PROJECT.DATASET").'
        )


def take_in(
    settings: Settings,
    warehouse: Warehouse,
    progress: Progress | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> LoadReport:
    """What became of each table; one that cannot be taken in does not keep the others out."""
    check_configured(settings)
    if not isinstance(warehouse, ReadsExports):
        raise WarehouseError(
            "Only BigQuery reads a GA4 export where it lies: load its files, or let warehouse.url be "
            "bigquery://PROJECT/DATASET."
        )
    statements = Statements(settings, warehouse)
    reports: list[FileReport] = []
    reasons, warnings = Counter[str](), list[str]()
    for export in settings.warehouse.export:
        if is_stopped():
            break
        try:
            tables = warehouse.changed_tables(export)
        except TerminalError as error:
            reports.append(FileReport(Path(export), error=str(error)))
            continue
        newest: ExportedTable | None = None
        for place, table in enumerate(tables):
            if is_stopped():
                break
            if progress:
                progress(f"Loading {table.name}", place, len(tables))
            try:
                appended = _taken(table, warehouse, statements)
            except TerminalError as error:
                told = str(error) if table.name in str(error) else f"{table.name}: {error}"
                reports.append(FileReport(Path(table.name), error=told))
                continue
            if appended:
                counts = appended.accepted, appended.duplicates, appended.dead_letters
                reports.append(FileReport(Path(table.name), *counts))
                reasons.update(appended.reasons)
                newest = table if appended.accepted and table.kind == "export_daily" else newest
        if newest and (warning := _warning(newest, warehouse, settings)):
            warnings.append(f"{newest.name}: {warning}")
    return LoadReport.of(reports, reasons, warnings)


def _warning(table: ExportedTable, warehouse: ReadsExports, settings: Settings) -> str | None:
    """As of files: where the days of the export are those of another time zone."""
    try:
        found = warehouse.exported_days(table)
    except TerminalError:  # its rows are in all the same
        return None
    total = sum(found["events"].to_pylist())
    moments: list[datetime] = []
    params: list[str] = []
    for row in found.to_pylist():
        times = round(SAMPLE * row["events"] / total)
        moments += [row["moment"]] * times
        params += [json.dumps({EXPORT_KEY: {"event_date": row["event_date"]}})] * times
    days = ExportDays(settings.timezone)
    days.see(pa.table({"event_timestamp": pa.array(moments, pa.timestamp("us")), "params": params}))
    return days.warning()


def _taken(table: ExportedTable, warehouse: ReadsExports, statements: "Statements") -> Appended | None:
    """None where it has gone meanwhile: an intraday table does when its day has come."""
    fields = warehouse.exported_fields(table)
    if fields is None:
        return None
    try:
        return warehouse.take_in(table, statements.of(table, fields))
    except UnknownTable as error:
        if table.name.endswith(f".{error.name}"):
            return None
        raise


class Statements:
    """The model that reads a table, compiled once for all tables of one schema."""

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        self._settings, self._warehouse = settings, warehouse
        self._compiled: dict[str, str] = {}

    def of(self, table: ExportedTable, fields: list[dict[str, Any]]) -> str:
        export = {"table": ANY, "kind": table.kind, "fields": fields}
        key = json.dumps(export, sort_keys=True)
        if key not in self._compiled:
            self._compiled[key] = self._compile(export)
        return self._compiled[key].replace(ANY, table.name)

    def _compile(self, export: dict[str, Any]) -> str:
        schema = self._warehouse.schema
        runner = DbtRunner(
            self._settings.home / "dbt" / "export",
            self._warehouse.dbt_output(f"{schema}_build"),
            {**variables(self._settings, schema), "export": export},
        )
        command = ["compile", "--no-write-json", "--no-populate-cache", "--select", "stg_exported_events"]
        (node,) = runner.run(command)
        return node.sql
