"""The rules of the models, one by one: dbt's unit tests, on each engine."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from product import Product
from standing import ORDER, standing_build

from headwater.transform.project import PROJECT
from headwater.transform.runner import DbtRunner, Node

NewProduct = Callable[..., Product]


def unit_tests() -> Iterator[dict[str, Any]]:
    for page in sorted((PROJECT / "models").rglob("*_unit_tests.yml")):
        yield from yaml.safe_load(page.read_text(encoding="utf-8"))["unit_tests"]


def test_every_unit_test_passes(new_product: NewProduct, tmp_path: Path) -> None:
    """They ask the warehouse for the columns of what they replace, so every model has to stand."""
    runner = standing_build(new_product(), tmp_path / "dbt")

    passed = runner.run(["test", "--select", "test_type:unit"])  # the first one that fails is raised

    assert {node.kind for node in passed} == {"unit_test"}
    assert sorted(node.name for node in passed) == sorted(test["name"] for test in unit_tests())
    assert len(passed) >= 70


def test_a_build_runs_no_unit_tests(new_product: NewProduct, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[set[str]] = []
    run = DbtRunner.run

    def recorded(runner: DbtRunner, command: Sequence[str]) -> list[Node]:
        nodes = run(runner, command)
        kinds.append({node.kind for node in nodes})
        return nodes

    monkeypatch.setattr(DbtRunner, "run", recorded)
    product = new_product()
    for event in (ORDER, {**ORDER, "event_id": "second", "transaction_id": "t2"}):
        product.load([event])
        product.build()

    assert kinds == [{"seed", "model", "test"}] * 2  # a full build, then an incremental one


@pytest.mark.parametrize("test", list(unit_tests()), ids=lambda test: str(test["name"]))
def test_every_unit_test_states_its_rule_in_one_sentence(test: dict[str, Any]) -> None:
    rule = test.get("description", "")
    assert rule.endswith(".")
    assert ". " not in rule
