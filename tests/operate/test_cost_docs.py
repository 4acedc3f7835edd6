"""The pages say what the code does: tables of docs/scale.md, prices of docs/bigquery.md, fields of docs/looker.md."""

import importlib.util
import re
from importlib.resources import files
from pathlib import Path

import yaml

from headwater.operate.looker import SOURCES
from headwater.settings import Prices

DOCS = Path(__file__).parents[2] / "docs"


def test_the_tables_of_the_page_are_what_the_code_reckons() -> None:
    spec = importlib.util.spec_from_file_location("scale_tables", DOCS / "scale_tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "scale.md").read_text(encoding="utf-8")
    assert {found[2] for found in module.PLACE.finditer(page)} == module.TABLES.keys()
    assert module.written(page) == page, "run `python docs/scale_tables.py`"


def test_the_prices_of_the_page_are_the_defaults() -> None:
    page = (DOCS / "bigquery.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]*\| ([\d.]+)[^|]*\| `(\w+)` \|$", page, re.MULTILINE)
    assert {key: float(price) for price, key in rows} == Prices().model_dump()


def test_the_page_names_every_field_of_every_mart() -> None:
    page = (DOCS / "looker.md").read_text(encoding="utf-8")
    fields = page[page.index("## Fields") :]
    marts = files("headwater") / "dbt" / "models" / "marts"
    for source in SOURCES:
        assert f"| `{source.alias}` | {source.table} | `{source.date}` |" in page
        (model,) = yaml.safe_load((marts / f"{source.table}.yml").read_text(encoding="utf-8"))["models"]
        row = next(line for line in fields.splitlines() if re.search(rf"\b{source.table}\b", line))
        assert set(re.findall(r"`(\w+)`", row)) == {one["name"] for one in model["columns"]}
