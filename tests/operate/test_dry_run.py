"""What a warehouse is asked of the statements of a tick and a build; and whether the formula still knows them."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from product import Product

from headwater.operate.basis import LIVE, basis
from headwater.operate.cost import GIB, cost
from headwater.operate.dry_run import DryRuns, measured, merged
from headwater.operate.reads import LEAST, Read, Workload
from headwater.settings import Prices

REPOSITORY = Path(__file__).parents[2]
BYTES = 3 * GIB


class Answering:
    """DuckDB, as a warehouse with dry runs: it knows whether a statement can be run, and its columns."""

    def __init__(self, warehouse: Any) -> None:
        self._warehouse = warehouse
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def dry_run(self, sql: str) -> tuple[int, list[tuple[str, str]]]:
        self.asked.append(sql)
        rows = self._warehouse.query(f"describe {sql}").to_pylist()
        return BYTES, [(row["column_name"], row["column_type"]) for row in rows]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("dry") / "home", "duckdb:///warehouse.duckdb")
    event = {"event_name": "purchase", "event_timestamp": "2026-05-02T10:00:00Z", "user_pseudo_id": "d"}
    product.load([event | {"value": "100"}])
    product.build(test=False)
    yield product
    product.close()


def test_every_model_is_asked_about_without_running_it(product: Product) -> None:
    warehouse = Answering(product.warehouse)
    month = cost(Workload(1e6), 900, Prices())
    reckoned = {one.name: one.statements for one in month.programs}
    found = measured(product.settings, warehouse, reckoned)
    assert found.keys() == {"tick", "build"}
    for name, statements in found.items():
        assert [one.name for one in statements] == [one.name for one in reckoned[name]]
    models = {one.name: one for one in found["tick"]}
    assert models["scope_changes"].read == BYTES
    assert models["int_attribution_credits"].billed >= BYTES
    assert models["delete int_devices"] == next(
        one for one in reckoned["tick"] if one.name == "delete int_devices"
    )
    assert "main_build" not in "".join(warehouse.asked)  # which a build has cleared, and only a build fills
    assert product.rows("select count(*) as n from headwater_builds") == [{"n": 1}]


def test_a_warehouse_without_dry_runs_is_not_asked(product: Product) -> None:
    assert not isinstance(product.warehouse, DryRuns)
    assert measured(product.settings, product.warehouse, {}) == {}


def test_what_a_run_makes_itself_is_added_by_the_formula() -> None:
    reckoned = Read("x", 100.0, 100.0 + 2 * LEAST)
    assert merged(None, reckoned) == reckoned
    assert merged(Read("x", 5.0 * LEAST, 5.0 * LEAST), reckoned).billed == 7 * LEAST
    assert merged(Read("x", 0.0, 0.0), Read("x", 5.0, 5.0)).billed == LEAST


def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cost_basis", REPOSITORY / "bench" / "cost_basis.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_formula_knows_the_statements_as_they_are(product: Product) -> None:
    pytest.importorskip("sqlglot", reason="NO SQLGLOT: which columns the models read cannot be compared")
    known = basis()
    fresh = bench().programs(product.settings, product.warehouse)
    advice = "the models read other columns now: run `python bench/cost_basis.py`"
    for name, statements in (("tick", known.tick), ("build", known.build)):
        had = {
            one.name: {table: list(columns or ()) for table, columns in one.reads.items()}
            for one in statements
        }
        days = {one.name: one.days for one in statements}
        for one in fresh[name]:
            assert had.get(one["name"]) == one["reads"], f"{one['name']}: {advice}"
            assert days[one["name"]] == one.get("days", ""), f"{one['name']}: {advice}"
    assert {one["name"] for one in fresh["tests"]} <= {one.name for one in known.build}, advice
    assert all(name.startswith(LIVE) for one in known.tests for name in one.reads)
