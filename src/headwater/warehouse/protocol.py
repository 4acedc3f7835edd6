"""What the rest of headwater asks of a warehouse, and nothing more."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import pyarrow as pa

Parameter = str | int | date | datetime
Kind = Literal["table", "view"]

RAW_TABLES = ("ga4_events_raw", "events_streaming")


@dataclass(frozen=True)
class EventBatch:
    """Canonical rows (event.RAW_SCHEMA) and what was refused beside them (event.DEAD_LETTER_SCHEMA)."""

    events: pa.Table
    dead_letters: pa.Table


@dataclass(frozen=True)
class Appended:
    """What became of one append: every row is in exactly one of the three."""

    accepted: int
    duplicates: int
    dead_letters: int
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """Which rows of a journal an append brings: those after one number, up to another."""

    journal_id: str
    after: int
    upto: int


@dataclass(frozen=True)
class ExportedTable:
    """A table of a GA4 export, as it lies in the warehouse."""

    name: str  # whole
    kind: Literal["export_daily", "export_intraday"]
    modified: int  # when, as the warehouse counts: what tells whether it has changed


class Reader(Protocol):
    """What those need who only read."""

    url: str
    schema: str

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Table:
        """Runs one reading statement; $1, $2 … in it stand for the parameters."""
        ...

    def query_as_written(self, sql: str) -> pa.Table:
        """As `query`, in the engine's own SQL: what users write, who know which engine they have."""
        ...

    def tables(self) -> list[str]:
        """Names a user may query, sorted."""
        ...


class Warehouse(Reader, Protocol):
    """A warehouse speaks standard SQL through `execute` and `query`; where engines differ, it has a method."""

    def append(
        self,
        table: str,
        origin: str,
        batches: Iterable[EventBatch],
        *,
        ids_are_computed: bool = False,
        mark: Mark | None = None,
    ) -> Appended:
        """Adds the batches to a raw table in one transaction: all of them, each event once, or nothing.

        `ids_are_computed` says that no client chose the event_ids, so that an equal id means an equal timestamp.
        With a `mark` the journal's position moves in the same transaction."""
        ...

    def another(self) -> "Warehouse":
        """A connection of its own to the same warehouse, for another thread."""
        ...

    def reader(self) -> "Warehouse":
        """A connection of its own that can read and nothing else: for statements that others have written."""
        ...

    def query_within(
        self, most_bytes: int, sql: str, parameters: Sequence[Parameter] = (), *, as_written: bool = False
    ) -> pa.Table:
        """As `query` or `query_as_written`, for statements of others: what is larger is refused before it is read."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Several queries of a reader that see one state of the tables."""
        ...

    def set_aside(self, label: str) -> str | None:
        """Moves what headwater has written out of the way, and says where it is."""
        ...

    def confine(self, readable: Sequence[Path]) -> None:
        """From now on, and for all its connections: no file but those in these folders, and no network."""
        ...

    def excess(self) -> str | None:
        """What this process may do beyond tables, for want of rights that are narrower: one sentence with advice."""
        ...

    def lease(self) -> AbstractContextManager[Callable[[], None]]:
        """Held by one engine at a time; a second one fails at once. What it yields sees that it is still held."""
        ...

    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> None:
        """Runs a statement that returns nothing, or without parameters several; outside `transaction` each commits by
        itself."""
        ...

    def insert(self, table: str, rows: pa.Table) -> None:
        """Adds rows to an existing table by column name, in bulk."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All that is executed within it happens, or none of it."""
        ...

    def appending(self) -> AbstractContextManager[None]:
        """A transaction in which nobody else appends."""
        ...

    def redefining(self, define: Callable[[], None]) -> AbstractContextManager[None]:
        """A transaction that begins with definitions; where the engine can take none back, they come before it."""
        ...

    def make(self, kind: Kind, place: str, sql: str, *, anew: bool = False) -> None:
        """A table or a view of a select in the engine's own SQL, such as dbt compiles; `anew` replaces a view."""
        ...

    def make_schema(self, schema: str) -> None:
        """Where there is none: one that is there takes no right to make any."""
        ...

    def make_like(self, target: str, source: str) -> None:
        """A table with the columns of another, for whoever replaces all rows: one that is there may stay as it is."""
        ...

    def unmake(self, made: Sequence[tuple[Kind, str]]) -> None:
        """Drops what `make` has made on the workbench."""
        ...

    def relations(self, schema: str) -> dict[str, Kind]:
        """The tables and views of a schema; none where there is no such schema."""
        ...

    def columns(self, schema: str, table: str) -> list[str]:
        """The columns of a table or view in their order; empty where there is none."""
        ...

    def index(self, table: str) -> None:
        """Makes the published table quick to search by its keys, where the engine needs an index for it."""
        ...

    def workbench(self) -> str:
        """Where tables live that only this connection needs for a moment: nothing there is written to disk for good."""
        ...

    def analyze(self, table: str) -> None:
        """Gathers the statistics of a table just made, where the engine's planner needs them."""
        ...

    def settle(self) -> None:
        """Now and then, beside other work: puts in its place what was only noted, where that would hold up others."""
        ...

    def quoted(self, name: str) -> str:
        """A name as dbt writes it in the statements that it compiles."""
        ...

    def unqualified(self, sql: str) -> str:
        """A statement without the name of this database, so that a view outlives a rename."""
        ...

    def only_builder(self) -> AbstractContextManager[None]:
        """Held by one build at a time; a second one fails at once."""
        ...

    def dbt_output(self, schema: str, *, beside_ticks: bool = False) -> dict[str, Any]:
        """The profile output with which dbt builds into `schema` of this warehouse, or looks at it beside ticks: one
        statement at a time, where all that ask at once would share a machine."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ReadsExports(Protocol):
    """A warehouse in which Google itself writes GA4's export: it is taken in where it lies."""

    def changed_tables(self, export: str) -> list[ExportedTable]:
        """The tables that have changed since they were taken in, in the order of their days."""
        ...

    def exported_tables(self, export: str) -> list[ExportedTable]:
        """All of its tables of events, in the order of their days; without an intraday table whose day has come."""
        ...

    def look(self, export: str) -> str:
        """The statement that says which tables there are, and as of when they are taken in."""
        ...

    def exported_fields(self, table: ExportedTable) -> list[dict[str, Any]] | None:
        """The columns of a table, with those within them; None where it has gone. What is no export is refused."""
        ...

    def take_in(self, table: ExportedTable, sql: str) -> Appended:
        """As `append`, of the rows that the select makes of the table; one that is no event has the reason with it."""
        ...

    def exported_days(self, table: ExportedTable) -> pa.Table:
        """How many `events` of a half hour, by its `moment`, the table counts to which `event_date`."""
        ...
