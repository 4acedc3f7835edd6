"""Loads files into the warehouse: each one whole or not at all, and the next one all the same."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import SourceError
from headwater.event import MALFORMED_CSV, MALFORMED_JSON
from headwater.loads import remember
from headwater.settings import Settings
from headwater.sources.export_days import ExportDays
from headwater.sources.files import expand, kind_of
from headwater.sources.read import is_ga4, read_file
from headwater.warehouse.protocol import Appended, EventBatch, Warehouse

RAW_TABLE = "ga4_events_raw"


class Progress(Protocol):
    """Hears what is being done, and how much of how much."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None: ...


@dataclass(frozen=True)
class FileReport:
    """What became of one file; with an error, nothing of it is in the warehouse."""

    path: Path
    accepted: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    error: str | None = None


@dataclass(frozen=True)
class LoadReport:
    files: list[FileReport]
    accepted: int
    duplicates: int
    dead_letters: int
    reasons: dict[str, int]
    warnings: list[str]

    @classmethod
    def of(cls, files: list[FileReport], reasons: Counter[str], warnings: list[str]) -> "LoadReport":
        return cls(
            files,
            sum(file.accepted for file in files),
            sum(file.duplicates for file in files),
            sum(file.dead_letters for file in files),
            dict(sorted(reasons.items())),
            warnings,
        )


def all_of(reports: Sequence[LoadReport]) -> LoadReport:
    reasons = Counter[str]()
    for report in reports:
        reasons.update(report.reasons)
    files = [file for report in reports for file in report.files]
    return LoadReport.of(files, reasons, [warning for report in reports for warning in report.warnings])


def load(
    paths: Sequence[Path],
    file_format: str,
    warehouse: Warehouse,
    settings: Settings,
    progress: Progress | None = None,
) -> LoadReport:
    """Loads the files that `paths` mean; `progress` counts their bytes.

    An error of the warehouse ends the load; a file that cannot be read does not."""
    files = expand(paths)
    sizes = [file.stat().st_size for file in files]
    reports, reasons, warnings = [], Counter[str](), list[str]()
    for place, path in enumerate(files):

        def heard(share: float, place: int = place, path: Path = path) -> None:
            if progress:
                progress(f"Loading {path.name}", int(sum(sizes[:place]) + share * sizes[place]), sum(sizes))

        days = ExportDays(settings.timezone)
        try:
            appended = _load_file(path, file_format, warehouse, days, heard)
        except SourceError as error:
            reports.append(FileReport(path, error=str(error)))
            continue
        remember(settings.home, path, file_format)
        reports.append(FileReport(path, appended.accepted, appended.duplicates, appended.dead_letters))
        reasons.update(appended.reasons)
        warning = days.warning()
        warnings += [f"{path}: {warning}"] if warning else []
    return LoadReport.of(reports, reasons, warnings)


def _load_file(
    path: Path, file_format: str, warehouse: Warehouse, days: ExportDays, heard: Callable[[float], None]
) -> Appended:
    kind = kind_of(path, file_format)
    heard(0.0)
    batches = _readable(path, read_file(path, file_format, heard=heard))
    if is_ga4(kind):
        batches = _watched(batches, days)
    return warehouse.append(RAW_TABLE, str(path), batches, ids_are_computed=is_ga4(kind))


def _watched(batches: Iterator[EventBatch], days: ExportDays) -> Iterator[EventBatch]:
    for batch in batches:
        days.see(batch.events)
        yield batch


def _readable(path: Path, batches: Iterator[EventBatch]) -> Iterator[EventBatch]:
    """The batches, unless no row has the form it should have: then the file is the mistake, not its rows."""
    rows = malformed = 0
    try:
        for batch in batches:
            letters = batch.dead_letters
            is_malformed = pc.is_in(letters["reason"], pa.array([MALFORMED_JSON, MALFORMED_CSV]))
            malformed += pc.sum(is_malformed).as_py() or 0
            rows += batch.events.num_rows + letters.num_rows
            yield batch
    except (duckdb.Error, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if rows and malformed == rows:
        raise SourceError(
            f"{path} holds {rows} rows and not one of them can be read ({letters['detail'][0]}): "
            "say what it is with --format ga4, ndjson or csv."
        )
