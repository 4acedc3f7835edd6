"""Newline-delimited JSON in canonical keys: one object per line."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.sources import entries
from headwater.sources.canonical import Door, Task, canonicalise
from headwater.sources.entries import Entries
from headwater.sources.lines import Lines, lines, with_torn_lines
from headwater.sources.loose import PLAIN_COLUMNS, taken_apart, with_params
from headwater.warehouse.protocol import EventBatch

_EXTRACTED = (*PLAIN_COLUMNS, "params", "items")
_PATHS = ", ".join(f"'$.{name}'" for name in _EXTRACTED)
_SQL = f"""
    select
        {", ".join(f"texts[{place}] as {name}" for place, name in enumerate(_EXTRACTED, start=1))},
        keys,
        case when kind is null then 'not JSON' when kind <> 'OBJECT' then 'not a JSON object' end
            as malformed,
        contains(texts[{_EXTRACTED.index("value") + 1}], '.')
            and length(texts[{_EXTRACTED.index("value") + 1}]) > 15 as is_long
    from (
        select
            kind,
            case when kind = 'OBJECT' then json_extract_string(object, [{_PATHS}]) end as texts,
            case when kind = 'OBJECT' then json_keys(object) end as keys
        from (select text as object, case when json_valid(text) then json_type(text) end as kind from lines)
    )
"""


def read(path: Path, door: Door) -> Iterator[Task]:
    for chunk in lines(path, heard=door.heard):
        yield partial(canonical, chunk, door)


def canonical(chunk: Lines, door: Door, connection: duckdb.DuckDBPyConnection) -> EventBatch:
    loose = _loose(connection, chunk)
    batch = canonicalise(
        connection, loose, door, lambda places: pc.utf8_rtrim(chunk.texts.take(places), "\r\n")
    )
    return with_torn_lines(batch, chunk, door.origin)


def _loose(connection: duckdb.DuckDBPyConnection, chunk: Lines) -> pa.Table:
    connection.register("lines", pa.table({"text": chunk.texts}))
    found = connection.sql(_SQL).to_arrow_table().combine_chunks()
    connection.unregister("lines")
    columns = {name: _whole(found[name]) for name in _EXTRACTED}
    columns["value"] = _exact_values(columns["value"], _whole(found["is_long"]), chunk.texts)
    keys = _keys(_whole(found["keys"]))
    repeated = pa.array(entries.repeats_a_key(keys))
    malformed = pc.if_else(repeated, "a key appears twice", _whole(found["malformed"]))
    unknown = _unknown(connection, keys, chunk.texts, malformed)
    params, items = columns.pop("params"), columns.pop("items")
    return with_params(connection, {"line": chunk.numbers, **columns}, params, items, unknown, malformed)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _keys(lists: pa.Array) -> Entries:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(lists), dtype=np.int64), lengths)
    keys = lists.flatten()
    return Entries.of(len(lists), rows, keys, keys)


def _unknown(
    connection: duckdb.DuckDBPyConnection, keys: Entries, texts: pa.Array, malformed: pa.Array
) -> Entries | None:
    """The entries whose key is no canonical column."""
    is_known = np.array([name in _EXTRACTED for name in keys.names], dtype=bool)
    if is_known.all():
        return None
    has_unknown = np.zeros(keys.count, dtype=bool)
    has_unknown[keys.rows[~is_known[keys.codes]]] = True
    places = pc.indices_nonzero(pc.and_(pa.array(has_unknown), pc.is_null(malformed))).cast(pa.int64())
    taken, _ = taken_apart(connection, texts.take(places), places)
    is_known = np.array([name in _EXTRACTED for name in taken.names], dtype=bool)
    return taken.where(~is_known[taken.codes])


def _exact_values(values: pa.Array, is_long: pa.Array, texts: pa.Array) -> pa.Array:
    """A number of more digits than a double holds is read from its line again, as it was written."""
    places = pc.indices_nonzero(pc.fill_null(is_long, False))
    if not len(places):
        return values
    exact = [
        str(value) if isinstance(value, Decimal) else given
        for given, value in zip(
            values.take(places).to_pylist(),
            (json.loads(line, parse_float=Decimal).get("value") for line in texts.take(places).to_pylist()),
            strict=True,
        )
    ]
    mask = np.zeros(len(values), dtype=bool)
    mask[places.to_numpy()] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(exact, pa.string()))
