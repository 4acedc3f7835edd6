"""Texts by canonical column name, as NDJSON and CSV have them, made ready for `canonical`."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import SourceError
from headwater.event import CANONICAL_SCHEMA
from headwater.settings import did_you_mean
from headwater.sources import entries
from headwater.sources.canonical import PARAMS
from headwater.sources.entries import Entries

PLAIN_COLUMNS = tuple(name for name in CANONICAL_SCHEMA.names if name not in ("params", "items"))


def taken_apart(
    connection: duckdb.DuckDBPyConnection, objects: pa.Array, places: pa.Array
) -> tuple[Entries, pa.Array]:
    """JSON texts, one for each place, as entries of their rows; and which are no objects of distinct keys."""
    connection.register("objects", pa.table({"place": places, "object": objects}))
    found = connection.sql(
        "select place, map_entries(entries) as entries, entries is null as is_none from"
        " (select place, case when json_valid(object)"
        " then try_cast(cast(object as json) as map(varchar, json)) end as entries from objects)"
    ).to_arrow_table()
    connection.unregister("objects")
    lists = found["entries"].combine_chunks()
    pairs = lists.flatten()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    rows = np.repeat(found["place"].to_numpy(), lengths)
    count = int(rows.max()) + 1 if len(rows) else 0
    keys, values = pairs.field(0), pairs.field(1).cast(pa.string())
    return Entries.of(count, rows, keys, entries.respelt(values)), found["is_none"].combine_chunks()


def with_params(
    connection: duckdb.DuckDBPyConnection,
    columns: dict[str, pa.Array],
    params: pa.Array,
    items: pa.Array,
    unknown: Entries | None,
    malformed: pa.Array,
) -> pa.Table:
    """The loose table of these columns: params (JSON texts) with the unknown columns, items made compact.

    Where params and a column have one name, params count; a null in an unknown column is left out."""
    count = len(malformed)
    given = pc.if_else(pc.equal(params, ""), pa.scalar(None, pa.string()), params)
    has_params = pc.and_(pc.is_valid(given), pc.is_null(malformed))
    places = pc.indices_nonzero(has_params).cast(pa.int64())
    taken, is_none = taken_apart(connection, given.take(places), places)
    malformed = _marked(malformed, places.filter(is_none), "params is not a JSON object with each key once")
    everything = Entries(count, taken.rows, taken.codes, taken.names, taken.values)
    if unknown is not None:
        everything = merged(
            everything, unknown.where(pc.is_valid(unknown.values).to_numpy(zero_copy_only=False))
        )
    core, export = entries.split_export(everything)
    compact, is_bad = _compact_items(connection, items)
    malformed = _marked(malformed, pc.indices_nonzero(is_bad), "items is not JSON")
    table = {**columns, "items": compact, "params": core, "malformed": malformed}
    if export is not None:
        table["export"] = export
    for name in PARAMS:
        texts = everything.texts(name)
        if texts is not None:
            table[f"param_{name}"] = texts
    return pa.table(table)


def merged(first: Entries, second: Entries) -> Entries:
    """The entries of both, the first one's where both have a key."""
    names = list(dict.fromkeys([*first.names, *second.names]))
    place = {name: code for code, name in enumerate(names)}
    recoded = np.array([place[name] for name in second.names], dtype=np.int64)
    codes = recoded[second.codes] if len(second.codes) else second.codes
    own = first.rows * len(names) + first.codes
    is_new = ~np.isin(second.rows * len(names) + codes, own)
    return Entries(
        first.count,
        np.concatenate([first.rows, second.rows[is_new]]),
        np.concatenate([first.codes, codes[is_new]]),
        names,
        pa.concat_arrays([first.values, second.values.filter(pa.array(is_new))]),
    )


def _compact_items(connection: duckdb.DuckDBPyConnection, items: pa.Array) -> tuple[pa.Array, pa.Array]:
    if items.null_count == len(items):
        return items, pa.array([False] * len(items), pa.bool_())
    connection.register("given", pa.table({"items": items}))
    found = connection.sql(
        "select case when json_valid(items) then cast(json(items) as varchar) end as items,"
        " coalesce(items <> '' and not json_valid(items), false) as is_bad from given"
    ).to_arrow_table()
    connection.unregister("given")
    return found["items"].combine_chunks(), found["is_bad"].combine_chunks()


def _marked(malformed: pa.Array, places: pa.Array, detail: str) -> pa.Array:
    if not len(places):
        return malformed
    hit = np.zeros(len(malformed), dtype=bool)
    hit[places.to_numpy()] = True
    return pc.if_else(pc.and_(pc.is_null(malformed), pa.array(hit)), detail, malformed)


def needed_columns(path: Path, names: Sequence[str]) -> None:
    """Refuses a table that lacks what every event needs."""
    for name in ("event_name", "event_timestamp"):
        if name not in names:
            near = did_you_mean(name, names)
            raise SourceError(
                f"{path} has no column {name}{near}: add it, or rename the column that holds it."
            )
    if not {"user_pseudo_id", "user_id", "ga_session_id"} & set(names):
        raise SourceError(
            f"{path} has none of the columns user_pseudo_id, user_id and ga_session_id: add one."
        )
