"""Where events and results are kept: DuckDB, PostgreSQL or BigQuery behind one protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import WarehouseError
from headwater.settings import Settings
from headwater.warehouse.protocol import Appended, EventBatch, Warehouse

__all__ = ["Appended", "EventBatch", "Warehouse", "open_reader", "open_warehouse", "set_aside"]


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[Warehouse]:
    warehouse = connect(settings.warehouse.url, settings.home, read_only=read_only, settings=settings)
    try:
        yield warehouse
    finally:
        warehouse.close()


@contextmanager
def open_reader(settings: Settings) -> Iterator[Warehouse]:
    """For statements that others have written: they read tables, and no files, and nothing from the network."""
    with open_warehouse(settings, read_only=True) as warehouse:
        warehouse.confine([])
        reader = warehouse.reader()
        try:
            yield reader
        finally:
            reader.close()


def connect(url: str, home: Path, *, read_only: bool = False, settings: Settings | None = None) -> Warehouse:
    """A DuckDB path is relative to the home, unless it begins with a slash of its own (duckdb:////…).

    `settings` say what else there is to say of BigQuery."""
    if url.startswith("duckdb:///"):
        from headwater.warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse((home / url.removeprefix("duckdb:///")).resolve(), read_only=read_only)
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from headwater.warehouse.postgres import PostgresWarehouse
        except ModuleNotFoundError as error:
            raise WarehouseError(
                f"PostgreSQL needs {error.name}: install it with `pip install 'headwater[postgres]'`."
            ) from error
        return PostgresWarehouse(url, read_only=read_only)
    if url.startswith("bigquery://"):
        try:
            from headwater.warehouse.bigquery import BigQueryWarehouse, Options
        except ModuleNotFoundError as error:
            raise WarehouseError(
                f"BigQuery needs {error.name}: install it with `pip install 'headwater[bigquery]'`."
            ) from error
        return BigQueryWarehouse(
            url, home, Options.of(settings) if settings else Options(), read_only=read_only
        )
    raise WarehouseError(
        f"warehouse.url {url.split('://')[0]}://… names no warehouse that is there: use duckdb:///FILE, "
        "postgresql://… or bigquery://PROJECT/DATASET"
    )


def set_aside(settings: Settings, label: str) -> str | None:
    """Moves the warehouse away, damaged or not, so that a new one can take its place; says where it is now."""
    url = settings.warehouse.url
    if url.startswith("duckdb:///"):
        from headwater.warehouse.duckdb import set_file_aside

        return set_file_aside((settings.home / url.removeprefix("duckdb:///")).resolve(), label)
    with open_warehouse(settings) as warehouse:
        return warehouse.set_aside(label)
