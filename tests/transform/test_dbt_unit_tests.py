"""The rules of the models, one by one: dbt's unit tests, on each engine."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.transform.project import PROJECT, variables
from headwater.transform.runner import DbtRunner
from product import Product

NewProduct = Callable[..., Product]

EVENTS = [
    {"event_id": "visit", "event_name": "page_view", "user_pseudo_id": "d", "event_timestamp": "2026-05-10T12:00:00Z"},
    {
        "event_id": "order", "event_name": "purchase", "user_pseudo_id": "d", "event_timestamp": "2026-05-10T12:05:00Z",
        "transaction_id": "t1", "value": 10,
    },
]  # fmt: skip


def unit_tests() -> Iterable[dict[str, Any]]:
    for page in sorted((PROJECT / "models").rglob("*_unit_tests.yml")):
        yield from yaml.safe_load(page.read_text(encoding="utf-8"))["unit_tests"]


def standing_build(product: Product, workspace: Path) -> DbtRunner:
    """Leaves every model standing in the build schema: unit tests ask the warehouse for the columns of what they replace.

    The models for incremental builds read published tables, so these have to be there first."""
    product.build(test=False)
    schema = product.warehouse.schema
    runner = DbtRunner(
        workspace, product.warehouse.dbt_output(f"{schema}_build"), variables(product.settings, schema)
    )
    runner.run(["build", "--exclude-resource-type", "unit_test", "test", "exposure"])
    return runner


def test_every_unit_test_passes(new_product: NewProduct, tmp_path: Path) -> None:
    product = new_product()
    product.load(EVENTS)
    runner = standing_build(product, tmp_path / "dbt")

    passed = runner.run(["test", "--select", "test_type:unit"])  # the first one that fails is raised

    assert {node.kind for node in passed} == {"unit_test"}
    assert sorted(node.name for node in passed) == sorted(test["name"] for test in unit_tests())
    assert len(passed) >= 60


def test_a_build_runs_no_unit_tests(new_product: NewProduct, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[str] = []
    run = DbtRunner.run

    def recorded(runner: DbtRunner, command: list[str]) -> Any:
        nodes = run(runner, command)
        kinds.extend(node.kind for node in nodes)
        return nodes

    monkeypatch.setattr(DbtRunner, "run", recorded)
    product = new_product()
    for event in EVENTS:  # a full build, then an incremental one
        product.load([event])
        product.build()

    assert set(kinds) == {"seed", "model", "test"}


def test_every_unit_test_states_its_rule() -> None:
    for test in unit_tests():
        rule = test.get("description", "")
        assert rule.endswith(".") and rule.count(". ") == 0, f"{test['name']} needs its rule, in one sentence"
