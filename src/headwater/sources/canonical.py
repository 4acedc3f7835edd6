"""Turns loosely typed columns into canonical events; what cannot be one is refused, with the reason.

A loose table has columns by canonical names, as text or already of the canonical type, and
- `line`: where the row stands in its file;
- `params`, `export`: the event's params in canonical spelling (`entries`), and what the export adds to them;
- `param_<name>`: the text of the params that say where an event came from (PARAMS below);
- `malformed`: what is wrong with the row as a whole, if anything.
A column that is missing counts as null. docs/attribution.md, "Text" and "Tagged", has the rules."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headwater import domains
from headwater.event import CLICK_IDS, DEAD_LETTER_SCHEMA, RAW_SCHEMA, TRAFFIC
from headwater.originals import kept
from headwater.sources.said import in_query, tidied
from headwater.sources.statement import MACROS, statement
from headwater.warehouse.protocol import EventBatch

Heard = Callable[[float], None]

PARAMS = (*TRAFFIC, *CLICK_IDS, "session_engaged")
FIRST_USER = ("first_user_source", "first_user_medium", "first_user_campaign")


def unheard(share: float) -> None:
    pass


@dataclass(frozen=True)
class Door:
    """What holds for every row that comes in from one place at one time."""

    origin: str
    source_kind: str
    now: datetime
    heard: Heard = unheard  # is told which share of the file has been read


# What is left to do for some rows of a file: with a connection of its own it may run beside others.
Task = Callable[[duckdb.DuckDBPyConnection], EventBatch]


def open_connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    connection.execute(MACROS)
    return connection


def canonicalise(
    connection: duckdb.DuckDBPyConnection,
    loose: pa.Table,
    door: Door,
    originals: Callable[[pa.Array], pa.Array],
) -> EventBatch:
    """Each loose row as an event or as a dead letter; `originals` gives rows, by place, as they came."""
    given = _with_what_is_said(loose)
    connection.register("loose", given)
    checked = connection.sql(statement(given.schema, door.source_kind, door.now)).to_arrow_table()
    connection.unregister("loose")
    if checked["reason"].null_count == checked.num_rows:
        return EventBatch(_with_domains(checked), DEAD_LETTER_SCHEMA.empty_table())
    is_refused = pc.is_valid(checked["reason"]).combine_chunks()
    places = pc.indices_nonzero(is_refused)
    letters = checked.take(places).select(["line", "reason", "detail"])
    letters = letters.append_column("original", originals(places))
    events = checked.filter(pc.invert(is_refused))
    return EventBatch(_with_domains(events), dead_letters(door.origin, letters))


def dead_letters(origin: str, rows: pa.Table) -> pa.Table:
    """Refused rows (line, reason, detail, original) of a file, as a warehouse stores them; originals may be bytes.

    A NUL in a detail is written as \\x00: no warehouse but DuckDB could hold it."""
    table = rows.append_column("origin", pa.array([origin] * rows.num_rows, pa.string()))
    details = pc.replace_substring(table["detail"].cast(pa.string()), "\0", "\\x00")
    originals = pa.array(map(kept, table["original"].cast(pa.binary()).to_pylist()), pa.string())
    for name, column in (("detail", details), ("original", originals)):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table.select(DEAD_LETTER_SCHEMA.names).cast(DEAD_LETTER_SCHEMA)


def _with_what_is_said(loose: pa.Table) -> pa.Table:
    """The columns that hold anything, their words for traffic tidied, and what the pages' queries say."""
    columns = {
        name: loose[name].combine_chunks()
        for name in loose.column_names
        if loose[name].null_count < loose.num_rows or name == "line"
    }
    for name in (*TRAFFIC, *CLICK_IDS, *FIRST_USER, *(f"param_{name}" for name in (*TRAFFIC, *CLICK_IDS))):
        if name in columns:
            columns[name] = tidied(name.removeprefix("param_"), columns[name])
    if "page_location" in columns:
        said = in_query(columns["page_location"])
        columns |= {f"query_{name}": column for name, column in said.items()}
    return pa.table(columns)


def _with_domains(events: pa.Table) -> pa.Table:
    derived = {
        "page_domain": domains.url_domains(events["page_location"]),
        "referrer_host": domains.url_hosts(events["page_referrer"]),
        "referrer_domain": domains.url_domains(events["page_referrer"]),
        "source_domain": domains.source_domains(events["source"]),
        "first_user_domain": domains.source_domains(events["first_user_source"]),
    }
    for name, column in derived.items():
        events = events.append_column(name, column)
    return events.select(RAW_SCHEMA.names).cast(RAW_SCHEMA)
