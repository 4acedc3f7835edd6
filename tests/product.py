"""The product as a test drives it: an empty warehouse, loads, builds, and the tables as plain rows."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.settings import Settings, load_settings
from headwater.sources.load import load
from headwater.sources.read import read_file
from headwater.transform.build import Builder, BuildReport
from headwater.warehouse import connect

Row = dict[str, Any]


def settings_of(home: Path, url: str, dotted: Row) -> Settings:
    """Settings as a headwater.toml would give them; keys as in the golden cases (`attribution.lookback_days`)."""
    top = {key: value for key, value in dotted.items() if "." not in key}
    tables: dict[str, Row] = {"warehouse": {"url": url}}
    if "streams" in top:
        tables["streams"] = top.pop("streams")
    rules = top.pop("channel_rules", [])
    top.pop("exchange_rates", None)
    for key, value in dotted.items():
        if "." in key:
            table, name = key.split(".")
            tables.setdefault(table, {})[name] = value
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items())]
    for rule in rules:
        lines.append("[[channel_rules]]")
        lines += [
            f"{key} = {value if key.startswith('valid') else json.dumps(value)}"
            for key, value in rule.items()
        ]
    home.mkdir(parents=True, exist_ok=True)
    (home / "headwater.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_settings(home, {})


class Product:
    def __init__(self, home: Path, url: str, dotted: Row | None = None) -> None:
        dotted = dotted or {}
        self.home = home
        self.settings = settings_of(home, url, dotted)
        self.warehouse = connect(self.settings.warehouse.url, home, settings=self.settings)
        self.builder = Builder(self.settings, self.warehouse)
        self._files = 0
        rates = dotted.get("exchange_rates") or []
        if rates:
            columns = {
                name: [str(rate[name]) for rate in rates] for name in ("rate_date", "currency", "rate")
            }
            table = pa.table(columns).cast(
                pa.schema(
                    [("rate_date", pa.date32()), ("currency", pa.string()), ("rate", pa.decimal128(18, 9))]
                )
            )
            self.warehouse.insert("exchange_rates", table)

    def load(self, events: Sequence[Row]) -> None:
        """Loads what files bring, then streams what streams bring."""
        loaded = [event for event in events if event.get("source_kind") != "stream"]
        streamed = [event for event in events if event.get("source_kind") == "stream"]
        if loaded:
            load([self.file(loaded)], "ndjson", self.warehouse, self.settings)
        if streamed:
            self.warehouse.append("events_streaming", "test", read_file(self.file(streamed), "ndjson"))

    def file(self, events: Iterable[Row]) -> Path:
        self._files += 1
        path = self.home / f"events_{self._files}.ndjson"
        path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        return path

    def build(self, *, full_refresh: bool = False, test: bool = True) -> BuildReport:
        return self.builder.build(full_refresh=full_refresh, test=test)

    def rows(self, sql: str) -> list[Row]:
        return self.warehouse.query(sql).to_pylist()

    def close(self) -> None:
        self.warehouse.close()


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
