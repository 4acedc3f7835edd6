"""The link to Looker Studio, and marts that it can read."""

import re
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from headwater.errors import SettingsError
from headwater.operate.looker import SOURCES, link

MARTS = files("headwater") / "dbt" / "models" / "marts"
# as the models' contracts write them, for whichever engine
FLAT = re.compile(
    r"\b(date|varchar|string|bigint|int64|double precision|float64|numeric|bignumeric|decimal\(\d+, ?\d+\))"
)
NESTED = re.compile(r"\b(struct|array|record|json|list|map)\b", re.IGNORECASE)


def parts(url: str) -> dict[str, str]:
    address = urlsplit(url)
    assert (address.scheme, address.netloc, address.path) == (
        "https",
        "lookerstudio.google.com",
        "/reporting/create",
    )
    pairs = parse_qsl(address.query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_every_mart_is_a_source_of_the_report() -> None:
    found = parts(link("bigquery://my-project/analytics"))
    assert found["c.mode"] == "edit"
    assert found["r.reportName"] == "Attribution"
    assert "c.reportId" not in found
    for source in SOURCES:
        assert {
            key: found[f"ds.{source.alias}.{key}"] for key in ("connector", "type", "projectId", "datasetId")
        } == {
            "connector": "bigQuery",
            "type": "TABLE",
            "projectId": "my-project",
            "datasetId": "analytics",
        }
        assert found[f"ds.{source.alias}.tableId"] == source.table
        assert found[f"ds.{source.alias}.datasourceName"] == source.name
        assert found[f"ds.{source.alias}.refreshFields"] == "true"
        assert found[f"ds.{source.alias}.billingProjectId"] == "my-project"
    kinds = {key.split(".")[0] for key in found}
    assert kinds == {"c", "r", "ds"}


def test_a_template_keeps_its_fields() -> None:
    found = parts(
        link("bigquery://p/d", report_id="0f5e-11", billing_project="payer", name="Ads & more, ü = 100 %")
    )
    assert (found["c.reportId"], found["r.reportName"]) == ("0f5e-11", "Ads & more, ü = 100 %")
    assert {found[f"ds.{one.alias}.refreshFields"] for one in SOURCES} == {"false"}
    assert {found[f"ds.{one.alias}.billingProjectId"] for one in SOURCES} == {"payer"}


@pytest.mark.parametrize("url", ["duckdb:///warehouse.duckdb", "postgresql://me:secret@db.example/shop"])
def test_other_warehouses_are_told_so_in_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match=r"bigquery://PROJECT/DATASET") as caught:
        link(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def columns() -> dict[str, dict[str, str]]:
    found = {}
    for page in MARTS.iterdir():
        if page.name.endswith(".yml"):
            for model in yaml.safe_load(page.read_text(encoding="utf-8"))["models"]:
                found[model["name"]] = {one["name"]: one["data_type"] for one in model["columns"]}
    return found


def test_the_sources_are_the_marts() -> None:
    assert {one.table for one in SOURCES} == columns().keys()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table)
def test_a_mart_is_typed_flat_and_dated(source: object) -> None:
    types = columns()[source.table]  # type: ignore[attr-defined]
    assert types[source.date] == "date"  # type: ignore[attr-defined]
    for name, kind in types.items():
        assert FLAT.search(kind), f"{name}: {kind}"
        assert not NESTED.search(kind), f"{name}: {kind}"
