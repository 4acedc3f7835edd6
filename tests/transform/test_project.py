"""The dbt project as a house: every table described as it is, and what differs between engines in one place."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from product import Product
from standing import standing_build

from headwater.transform.project import PROJECT

NewProduct = Callable[..., Product]
Entry = dict[str, Any]

MODELS = sorted((PROJECT / "models").rglob("*.sql"))
ENGINES = PROJECT / "macros" / "engines.sql"

# GA4's export lies on BigQuery alone, and so does what reads it there.
EXPORT = {
    *(PROJECT / "macros").glob("bigquery_*.sql"),
    *(PROJECT / "models" / "export").glob("*.sql"),
}

# Words that one engine has and another lacks, or takes in another sense.
ONE_ENGINE_ONLY = re.compile(
    r"""::|~\*|!~|//|\[1\]|%\s*\d
    |\b(?:epoch_us|epoch_ms|arg_min|arg_max|any_value|regexp_\w+|array_agg|list|string_agg|hugeint|int64|numeric|date_trunc
        |extract|timezone|at\s+time\s+zone|strftime|to_char|div|safe_divide|ilike|qualify|exclude|distinct\s+on|lateral|unnest
        |try_cast|safe_cast|ifnull|nvl|iff|generate_series|analyze)\b""",
    re.VERBOSE | re.IGNORECASE,
)


def page(model: Path) -> Entry:
    """What the file beside a model says of it."""
    entries = yaml.safe_load(model.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
    assert [entry["name"] for entry in entries] == [model.stem]
    return dict(entries[0])


def statements(path: Path) -> str:
    """The SQL of a file without comments, Jinja's own included: they may name an engine."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\{\{\s*config\(.*?\)\s*\}\}", "", text, flags=re.DOTALL)
    return re.sub(r"--.*", "", text)


def test_engine_words_are_known_when_seen() -> None:
    for sql in (
        "a::text",
        "a ~* 'b'",
        "arg_min(a, b)",
        "a // b",
        "epoch_us(a)",
        "a[1]",
        "x at time zone 'UTC'",
    ):
        assert ONE_ENGINE_ONLY.search(sql), sql
    for sql in ("cast(a as text)", "whole_number('a') ~ ' * ' ~ exact", "listing, divided", "a in (1, 2)"):
        assert not ONE_ENGINE_ONLY.search(sql), sql


@pytest.mark.parametrize(
    "path",
    sorted(path for path in PROJECT.rglob("*.sql") if path != ENGINES and path not in EXPORT),
    ids=lambda path: path.relative_to(PROJECT).as_posix(),
)
def test_only_engines_sql_is_of_one_engine(path: Path) -> None:
    assert ONE_ENGINE_ONLY.findall(statements(path)) == []


def test_what_differs_between_engines_is_dispatched() -> None:
    text = statements(ENGINES)
    assert ONE_ENGINE_ONLY.search(text)
    for name in re.findall(r"\{% macro ((?!\w+__)\w+)\(", text):
        assert f"adapter.dispatch('{name}', 'headwater')" in text
        ways = set(re.findall(rf"macro (\w+)__{name}\(", text))
        assert "default" in ways or {"bigquery", "duckdb", "postgres"} <= ways, (
            f"{name} is not known on every engine"
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_states_its_grain_and_describes_its_columns(model: Path) -> None:
    said = page(model)
    assert re.search(r"\bGrain\b", said["description"]), f"{model.stem} does not state its grain"
    for column in said["columns"]:
        assert column.get("description", "").strip(), f"{model.stem}.{column['name']} has no description"


def test_the_described_columns_are_the_built_ones(new_product: NewProduct, tmp_path: Path) -> None:
    product = new_product()
    standing_build(product, tmp_path / "dbt")
    schema = f"{product.warehouse.schema}_build"
    for model in MODELS:
        if model in EXPORT:  # tests/bigquery looks at those
            continue
        described = [column["name"] for column in page(model)["columns"]]
        assert product.warehouse.columns(schema, model.stem) == described, (
            f"{model.stem}.yml describes other columns"
        )


def test_every_mart_has_an_enforced_contract_with_its_types() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["models"]["headwater"]["marts"]["+contract"] == {"enforced": True}
    marts = [model for model in MODELS if model.parent.name == "marts"]
    assert marts
    for mart in marts:
        said = page(mart)
        assert "contract" not in said.get("config", {}), f"{mart.stem} overrides the contract of all marts"
        assert "contract" not in mart.read_text(encoding="utf-8")
        assert all(column.get("data_type") for column in said["columns"]), mart.stem


def every_key(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner
            yield from every_key(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from every_key(inner)


def test_every_test_is_an_error() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["data_tests"]["headwater"]["+severity"] == "error"
    for path in sorted(PROJECT.rglob("*.yml")):
        for key, value in every_key(yaml.safe_load(path.read_text(encoding="utf-8"))):
            softer = key.lstrip("+") in ("warn_if", "error_if", "store_failures_as") or (
                key.lstrip("+") == "severity" and str(value).lower() != "error"
            )
            assert not softer, f"{path.name} softens a test with {key}: {value}"
    for path in sorted((PROJECT / "tests").rglob("*.sql")):
        assert not re.search(r"severity|warn_if|error_if|enabled", path.read_text(encoding="utf-8")), (
            path.name
        )
