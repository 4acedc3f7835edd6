"""The dbt project's documentation as one page, with the columns of the published tables."""

import json
from pathlib import Path

from headwater.settings import Settings
from headwater.transform.project import PROJECT, variables
from headwater.transform.runner import DbtRunner
from headwater.warehouse.protocol import Warehouse


def generate_docs(settings: Settings, warehouse: Warehouse, folder: Path) -> Path:
    """Writes index.html, which needs no other file and no network, and returns where it lies.

    The page has a tracker, which stays off because the runner calls dbt with usage statistics off."""
    workspace = Path(settings.home) / "dbt" / "docs"
    runner = DbtRunner(
        workspace, warehouse.dbt_output(warehouse.schema), variables(settings, warehouse.schema)
    )
    runner.parse_anew()
    # Nothing is compiled: the pages show the models as they are written.
    runner.run(["docs", "generate", "--static", "--no-compile"])
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    text = (runner.target / "static_index.html").read_text(encoding="utf-8")
    # The page may be handed on: where this machine keeps the project is nobody's business.
    page.write_text(text.replace(json.dumps(str(PROJECT)), '"dbt"'), encoding="utf-8")
    return page
