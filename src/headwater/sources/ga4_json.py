"""GA4's export as newline JSON, the way BigQuery writes it: 64-bit integers as strings, nulls left out."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.event import canonical_json
from headwater.sources import entries
from headwater.sources.entries import Entries
from headwater.sources.ga4_columns import CANONICAL, COLUMNS
from headwater.sources.lines import Lines

_PATHS = ", ".join(f"'$.{path}'" for path in COLUMNS)
_KINDS = ("string_value", "int_value", "float_value", "double_value")
_PARAM = json.dumps({"key": "VARCHAR", "value": dict.fromkeys(_KINDS, "VARCHAR")})
_SQL = f"""
    select
        *,
        case
            when kind is null then 'not JSON'
            when kind <> 'OBJECT' then 'not a JSON object'
            when event_params is null and params_kind <> 'NULL'
                then 'event_params is not a list of keys and values'
            when rest is null then 'a key appears twice'
        end as malformed
    from (
        select
            kind,
            json_extract_string(object, [{_PATHS}]) as texts,
            json_type(object, '$.event_params') as params_kind,
            try(json_transform(json_extract(object, '$.event_params'), '[{_PARAM}]')) as event_params,
            cast(json_extract(object, '$.items') as varchar) as items,
            list_filter(
                map_entries(try_cast(cast(object as json) as map(varchar, json))),
                lambda entry: entry.key not in ({", ".join(f"'{name}'" for name in CANONICAL)})
            ) as rest
        from (
            select case when kind = 'OBJECT' then text end as object, kind
            from (select text, case when json_valid(text) then json_type(text) end as kind from lines)
        )
    )
"""


@dataclass(frozen=True)
class JsonRows:
    table: pa.Table
    chunk: Lines

    @property
    def count(self) -> int:
        return int(self.table.num_rows)

    @property
    def lines(self) -> pa.Array:
        return self.chunk.numbers

    @property
    def malformed(self) -> pa.Array:
        return self._column("malformed")

    @cached_property
    def params(self) -> Entries:
        rows, pairs = _flat(self._column("event_params"))
        value = pairs.field("value")
        numbers = value.field("int_value")
        is_whole = pc.match_substring_regex(numbers, r"^-?[0-9]+$")
        values = pc.coalesce(
            entries.quoted(value.field("string_value")),
            pc.if_else(is_whole, numbers, entries.quoted(numbers)),
            entries.distinct(value.field("float_value"), _double),
            entries.distinct(value.field("double_value"), _double),
        )
        return Entries.of(self.count, rows, pairs.field("key"), values)

    @property
    def items(self) -> pa.Array:
        return entries.distinct(self._column("items"), _items)

    @property
    def rest(self) -> pa.Array:
        rows, pairs = _flat(self._column("rest"))
        given = pairs.field("value").cast(pa.string())
        is_nested = pc.fill_null(pc.match_substring_regex(given, r"^[\[{]"), False)
        kept = entries.distinct(given.filter(is_nested), _without_nothing)
        is_plain = pc.and_(pc.invert(is_nested), pc.not_equal(given, '""'))
        plain = entries.respelt(pc.if_else(is_plain, given, pa.scalar(None, pa.string())))
        values = pc.replace_with_mask(plain, is_nested, kept)
        found = Entries.of(self.count, rows, pairs.field("key"), values)
        return found.where(pc.is_valid(values).to_numpy(zero_copy_only=False)).objects()

    def text(self, path: str) -> pa.Array | None:
        return pc.list_element(self._column("texts"), COLUMNS.index(path))

    def whole(self, path: str) -> pa.Array | None:
        return self.text(path)

    def amount(self, path: str) -> pa.Array | None:
        texts = self.text(path)
        return pc.if_else(pc.equal(texts, "NaN"), pa.scalar(None, pa.string()), texts)

    def originals(self, places: pa.Array) -> pa.Array:
        return pc.utf8_rtrim(self.chunk.texts.take(places), "\r\n")

    def _column(self, name: str) -> pa.Array:
        return self.table[name].combine_chunks()


def rows(connection: duckdb.DuckDBPyConnection, chunk: Lines) -> JsonRows:
    connection.register("lines", pa.table({"text": chunk.texts}))
    table = connection.sql(_SQL).to_arrow_table()
    connection.unregister("lines")
    return JsonRows(table, chunk)


def _flat(lists: pa.Array) -> tuple[Any, pa.Array]:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths), lists.flatten()


def _double(text: str) -> str | None:
    try:
        spelt = canonical_json(float(text))
    except ValueError:
        return canonical_json(text)
    return None if spelt == "null" else spelt


WHOLE_FIELDS = ("quantity", "int_value", "set_timestamp_micros")


def _items(text: str) -> str | None:
    """Items spelt as from Parquet, so that one event has one payload: integers as numbers, nothing empty."""
    kept = _typed(_filled(json.loads(text)))
    return canonical_json(kept) if kept else None


def _typed(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _typed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if name in WHOLE_FIELDS and isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    return float(value) if type(value) is int and name not in WHOLE_FIELDS else value


def _without_nothing(text: str) -> str | None:
    kept = _filled(json.loads(text))
    return None if kept is None else canonical_json(kept)


def _filled(value: Any) -> Any:
    """The value without anything null or empty in it, at any depth; None if nothing is left."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in ((k, _filled(v)) for k, v in value.items()) if inner is not None}
        return kept or None
    if isinstance(value, list):
        return [inner for inner in map(_filled, value) if inner is not None] or None
    return None if value == "" else value
