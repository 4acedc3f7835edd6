"""What each table holds, in the words of the dbt project's own pages."""

from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

# Tables that no dbt model makes.
RAW = {
    "ga4_events_raw": "One row per loaded event, as it came in.",
    "events_streaming": "One row per streamed event, as it came in.",
    "dead_letters": "One row per refused event: where it stood, why, and its original text.",
    "exchange_rates": "One row per day and currency: what one unit is worth in the reporting currency.",
}


def descriptions() -> dict[str, str]:
    """Table → the first sentence of its description."""
    found = dict(RAW)
    project = files("headwater") / "dbt"
    for kind in ("models", "seeds"):
        for page in _pages(project / kind):
            for table in (yaml.safe_load(page.read_text(encoding="utf-8")) or {}).get(kind) or []:
                text = " ".join((table.get("description") or "").split())
                found[table["name"]] = text.partition(". ")[0].rstrip(".") + "." if text else ""
    return found


def _pages(folder: Traversable) -> list[Traversable]:
    pages: list[Traversable] = []
    if not folder.is_dir():
        return pages
    for entry in folder.iterdir():
        if entry.is_dir():
            pages += _pages(entry)
        elif entry.name.endswith(".yml"):
            pages.append(entry)
    return pages
