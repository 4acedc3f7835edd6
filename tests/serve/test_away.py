"""What is told before anything is computed, and while the warehouse does not answer."""

from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from product import Product
from serve.conftest import TOKEN

from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.errors import WarehouseUnavailable
from headwater.journal import FILE_NAME
from headwater.journal.journal import Journal
from headwater.serve.endpoints import ENDPOINTS
from headwater.serve.routes import THREADS
from headwater.warehouse.protocol import Warehouse

Api = TestClient[Litestar]


def test_before_the_first_build(new_product: Callable[..., Product]) -> None:
    product = new_product()
    journal = Journal(product.home / FILE_NAME)
    engine = Engine(product.settings, product.warehouse, journal)
    with TestClient(create_app(engine, TOKEN), base_url="http://127.0.0.1") as api:
        for one in ENDPOINTS:
            answer = api.get(f"/v1{one.path}" + ("/channel" if one.named else ""))
            if one.path in ("/meta", "/freshness", "/health"):
                assert answer.status_code == 200, answer.text
            else:
                assert answer.status_code == 404, (one.path, answer.text)
                assert "`headwater stream`, `headwater load PATH`" in answer.json()["error"]["message"]
        assert api.get("/v1/meta").json()["last_date"] is None
    journal.close()


def test_while_the_warehouse_does_not_answer(
    told: Product, engine_of: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_away, books, connected = [True], engine_of.status(), told.warehouse.reader

    def reader() -> Warehouse:
        if is_away[0]:
            raise WarehouseUnavailable("The PostgreSQL at p does not answer: check that it runs.")
        return connected()

    with monkeypatch.context() as patched:
        patched.setattr(told.warehouse, "reader", reader)
        with TestClient(create_app(engine_of, TOKEN), base_url="http://127.0.0.1") as api:
            answer = api.get("/v1/channels")
            assert (answer.status_code, answer.json()["error"]["type"]) == (503, "WarehouseUnavailable")
            health = api.get("/v1/health").json()
            assert health["books"]["accepted"] == books["accepted"]
            of_tables = ("dead_letters", "builds", "full_builds", "ticks", "quality")
            assert [health[name] for name in of_tables] == [None] * 5
            assert api.get("/v1/freshness").json()["build_id"] == 0
            is_away[0] = False
            assert api.get("/v1/channels").status_code == 200


def test_a_connection_that_was_cut_is_made_anew(api: Api, told: Product, engine: str) -> None:
    if engine == "duckdb":
        pytest.skip("a DuckDB file has no connections that could be cut")
    assert api.get("/v1/channels").status_code == 200
    told.rows(
        "select pg_terminate_backend(pid, 30000) as cut from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and query not like '%advisory%'"
    )
    statuses = [api.get("/v1/channels", params={"limit": limit}).status_code for limit in range(11, 31)]
    assert set(statuses) == {200, 503}
    assert statuses.count(503) <= THREADS  # each thread has one
