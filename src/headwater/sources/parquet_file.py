"""Parquet in canonical columns."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.errors import SourceError
from headwater.sources import entries
from headwater.sources.canonical import Door, Task, canonicalise
from headwater.sources.entries import Entries
from headwater.sources.loose import PLAIN_COLUMNS, needed_columns, with_params
from headwater.warehouse.protocol import EventBatch

ROWS = 100_000


def read(path: Path, door: Door) -> Iterator[Task]:
    before = 0
    try:
        with pq.ParquetFile(path) as file:
            needed_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(ROWS):
                yield partial(_batch, pa.Table.from_batches([batch]), before, door)
                before += batch.num_rows
                door.heard(before / file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is damaged: {str(error).splitlines()[0]}") from error


def _batch(rows: pa.Table, before: int, door: Door, connection: duckdb.DuckDBPyConnection) -> EventBatch:
    numbers = np.arange(before + 1, before + 1 + rows.num_rows, dtype=np.int64)
    texts = as_texts(connection, rows)
    columns = {name: texts[name] for name in PLAIN_COLUMNS if name in texts}
    nothing = pa.nulls(rows.num_rows, pa.string())
    loose = with_params(
        connection,
        {"line": pa.array(numbers), **columns},
        texts.get("params", nothing),
        texts.get("items", nothing),
        _unknown(texts, rows.num_rows),
        nothing,
    )
    return canonicalise(connection, loose, door, lambda places: as_json(connection, rows.take(places)))


def as_texts(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> dict[str, pa.Array]:
    """Each column as text, as in a CSV; the unknown ones as JSON."""
    known = (*PLAIN_COLUMNS, "params", "items")
    connection.register("rows", rows)
    found = connection.sql(
        "select "
        + ", ".join(
            f'{_text(name, rows.schema.field(name).type)} as "{name}"'
            if name in known
            else f"cast(to_json({_name(name)}) as varchar) as {_name(name)}"
            for name in rows.column_names
        )
        + " from rows"
    ).to_arrow_table()
    connection.unregister("rows")
    return {name: found[name].combine_chunks() for name in found.column_names}


def _text(name: str, kind: pa.DataType) -> str:
    is_nested = pa.types.is_nested(kind)
    return f"cast({f'to_json({_name(name)})' if is_nested else _name(name)} as varchar)"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unknown(texts: dict[str, pa.Array], count: int) -> Entries | None:
    names = [name for name in texts if name not in (*PLAIN_COLUMNS, "params", "items")]
    if not names:
        return None
    rows = np.tile(np.arange(count, dtype=np.int64), len(names))
    codes = np.repeat(np.arange(len(names), dtype=np.int64), count)
    values = entries.respelt(pa.concat_arrays([texts[name] for name in names]))
    return Entries(count, rows, codes, names, values)


def as_json(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Array:
    """Whole rows as JSON objects, for the dead letters."""
    connection.register("refused", rows)
    found = connection.sql(
        "select cast(to_json(refused) as varchar) as original from refused"
    ).to_arrow_table()
    connection.unregister("refused")
    return found["original"].combine_chunks()
