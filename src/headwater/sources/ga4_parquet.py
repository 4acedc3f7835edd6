"""GA4's export as nested Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.errors import SourceError
from headwater.sources import entries
from headwater.sources.as_json import as_json, filled
from headwater.sources.canonical import Heard
from headwater.sources.entries import Entries
from headwater.sources.ga4_columns import CANONICAL

ROWS = 50_000
NEEDED = ("event_name", "event_timestamp", "event_params")


@dataclass(frozen=True)
class ParquetRows:
    table: pa.RecordBatch
    before: int

    @property
    def count(self) -> int:
        return int(self.table.num_rows)

    @property
    def lines(self) -> pa.Array:
        return pa.array(np.arange(self.before + 1, self.before + 1 + self.count, dtype=np.int64))

    @cached_property
    def params(self) -> Entries:
        lists = self.table["event_params"]
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        pairs = lists.flatten()
        rows = np.repeat(np.arange(self.count, dtype=np.int64), lengths)
        value = pairs.field("value")
        kinds = {field.name: value.field(field.name) for field in value.type}
        spelt = {
            "string_value": lambda texts: entries.quoted(texts.cast(pa.string())),
            "int_value": lambda numbers: numbers.cast(pa.string()),
            "float_value": entries.of_doubles,
            "double_value": entries.of_doubles,
        }
        given = [
            spell(kinds[kind]) for kind, spell in spelt.items() if kind in kinds and _has_any(kinds[kind])
        ]
        values = pc.coalesce(*given) if given else pa.nulls(len(pairs), pa.string())
        return Entries.of(self.count, rows, pairs.field("key").cast(pa.string()), values)

    @property
    def items(self) -> pa.Array:
        nothing = pa.nulls(self.count, pa.string())
        return as_json(self.table["items"]) if "items" in self.table.schema.names else nothing

    @property
    def rest(self) -> pa.Array:
        names = sorted(name for name in self.table.schema.names if name not in CANONICAL)
        return filled({name: self.table[name] for name in names}, self.count)

    def text(self, path: str) -> pa.Array | None:
        column = self._column(path)
        return None if column is None else column.cast(pa.string())

    def whole(self, path: str) -> pa.Array | None:
        column = self._column(path)
        if column is None:
            return None
        return column.cast(pa.int64()) if pa.types.is_integer(column.type) else column.cast(pa.string())

    def amount(self, path: str) -> pa.Array | None:
        column = self._column(path)
        return None if column is None else entries.of_doubles(column)

    def originals(self, places: pa.Array) -> pa.Array:
        refused = self.table.take(places)
        return pc.fill_null(filled({name: refused[name] for name in refused.schema.names}, len(places)), "{}")

    def _column(self, path: str) -> pa.Array | None:
        name, *within = path.split(".")
        if name not in self.table.schema.names:
            return None
        column = self.table[name]
        for part in within:
            if not pa.types.is_struct(column.type) or column.type.get_field_index(part) < 0:
                return None
            column = column.flatten()[column.type.get_field_index(part)]
        return column


def rows(path: Path, heard: Heard) -> Iterator[ParquetRows]:
    before = 0
    try:
        with pq.ParquetFile(path) as file:
            for name in NEEDED:
                if name not in file.schema_arrow.names:
                    raise SourceError(f"{path} is no GA4 export: it has no column {name}; use --format auto.")
            for batch in file.iter_batches(ROWS):
                yield ParquetRows(batch, before)
                before += batch.num_rows
                heard(before / file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0].rstrip(".")
        raise SourceError(f"{path} cannot be read as Parquet ({reason}): copy or export it again.") from error


def _has_any(column: pa.Array) -> bool:
    return bool(column.null_count < len(column))
