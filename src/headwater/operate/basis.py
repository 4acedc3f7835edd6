"""What the formula reckons with, as bench/cost_basis.py has measured it.

How long rows are, how many there are of each event, and which columns the statements of a tick, of a build and of its
tests read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BASIS = Path(__file__).with_name("basis.json")
LIVE = "live."  # before a table that is published or raw; without it, it is of the build or tick itself


@dataclass(frozen=True)
class Table:
    rows_per_event: float
    bytes: Mapping[str, float]  # column → bytes per row

    def row_bytes(self, columns: tuple[str, ...] | None = None) -> float:
        return sum(self.bytes.values() if columns is None else (self.bytes.get(one, 0.0) for one in columns))


@dataclass(frozen=True)
class Statement:
    """What one statement reads: table → columns; None stands for all of them."""

    name: str
    reads: Mapping[str, tuple[str, ...] | None]
    # of the tables kept by days: of `new` rows, of the `touched` devices, `published` of the persons in scope, or all
    days: str = ""


@dataclass(frozen=True)
class Basis:
    events: int  # of which the rows were measured
    tables: Mapping[str, Table]
    published: tuple[str, ...]  # tables that a build replaces rows of
    by_day: frozenset[str]  # tables that are kept by days
    returns: tuple[float, ...]  # share of a day's persons who were also there so many days before
    tick: tuple[Statement, ...]
    build: tuple[Statement, ...]  # with all its tests
    tests: tuple[Statement, ...]  # those that an engine repeats over what is published


BY_DEVICE = (
    "int_kept_events"  # a tick replaces its rows from a moment on; of all other tables those of a person
)

# by which a tick knows where the persons in scope are published: transform/days.py
DAYS_PUBLISHED = Statement(
    "days of scope",
    {
        f"{LIVE}stg_ga4_sessions": ("person_id", "session_start", "session_end"),
        "scope_persons": ("person_id",),
    },
)


@cache
def basis() -> Basis:
    found = json.loads(BASIS.read_text(encoding="utf-8"))
    programs = {
        name: tuple(
            Statement(
                one["name"],
                {table: tuple(columns) for table, columns in one["reads"].items()},
                one.get("days", ""),
            )
            for one in statements
        )
        for name, statements in found["programs"].items()
    }
    published = tuple(found["published"])
    of_published = {f"{LIVE}{table}" for table in published}
    return Basis(
        events=found["events"],
        tables={name: Table(one["rows_per_event"], one["bytes"]) for name, one in found["tables"].items()},
        published=published,
        by_day=frozenset(found["by_day"]),
        returns=tuple(found["returns"]),
        tick=(*programs["tick"], DAYS_PUBLISHED, *publication(published, full=False)),
        build=(*programs["build"], *programs["tests"], *publication(published, full=True)),
        tests=tuple(one for one in programs["tests"] if one.reads.keys() <= of_published),
    )


def publication(published: tuple[str, ...], *, full: bool) -> list[Statement]:
    """A DELETE is charged for every column of the table that it deletes from, an INSERT for what it selects."""
    return [
        statement
        for table in published
        for statement in (
            Statement(f"delete {table}", {f"{LIVE}{table}": None}) if full else deleted(table),
            Statement(f"insert {table}", {table: None}),
        )
    ]


def deleted(table: str) -> Statement:
    if table == BY_DEVICE:
        cuts = {"scope_cuts": ("device_id", "since_at")}
        return Statement(f"delete {table}", {f"{LIVE}{table}": None, **cuts}, "touched")
    return Statement(
        f"delete {table}", {f"{LIVE}{table}": None, "scope_persons": ("person_id",)}, "published"
    )
