"""The documentation page shows the published tables, on each engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from product import Product

from headwater.transform.build import Builder
from headwater.transform.docs import generate_docs


def test_the_catalogue_is_of_the_published_schema(
    new_product: Callable[..., Product], tmp_path: Path
) -> None:
    product = new_product()
    event = {"event_id": "b", "event_name": "purchase", "event_timestamp": "2026-05-02T10:00:00Z"}
    product.load([event | {"user_pseudo_id": "d", "value": "100"}])
    product.build(test=False)
    Builder(product.settings, product.warehouse).test_what_is_published()  # which parses the same project
    page = generate_docs(product.settings, product.warehouse, tmp_path / "site")
    assert page == tmp_path / "site" / "index.html"
    tables = catalogue(page)["nodes"]
    for name in ("int_conversions", "mart_attribution", "stg_ga4_events"):
        table = tables[f"model.headwater.{name}"]
        assert table["metadata"]["schema"] == product.warehouse.schema
        assert list(table["columns"]) == product.warehouse.columns(product.warehouse.schema, name)
    assert "model.headwater.int_events" not in tables  # built, but not published
    assert product.rows("select count(*) as conversions from int_conversions") == [{"conversions": 1}]


def catalogue(page: Path) -> dict[str, Any]:
    """The catalogue as the page holds it, in the middle of its script."""
    text = page.read_text(encoding="utf-8")
    start = text.index('"nodes"', text.index("dbt/catalog/v1.json"))
    nodes, _ = json.JSONDecoder().raw_decode(text, text.index("{", start))
    return {"nodes": nodes}
