"""What it reads to take an export in: against the statements as they are sent, and against a pencil."""

import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.operate.arrivals import (
    MARKS,
    POSITION,
    append,
    day,
    exported_in_a_day,
    intraday,
    look,
    taken_in,
)
from headwater.operate.basis import Basis, Table
from headwater.operate.cost import MONTH, cost, turns
from headwater.operate.reads import DAY, LEAST, Looks, Workload
from headwater.settings import Prices
from headwater.warehouse.protocol import ExportedTable

EVENTS = 1e8
NIGHTLY, GROWING = Looks(900), Looks(900, has_intraday=True)
KNOWN_BYTES = {
    "stream_id": 10.0,
    "event_id": 60.0,
    "event_timestamp": 8.0,
    "source_kind": 10.0,
    "payload_hash": 8.0,
}
SMALL = Basis(
    events=10,
    tables={
        "ga4_events_raw": Table(1.0, KNOWN_BYTES),
        "events_streaming": Table(1.0, KNOWN_BYTES),
        "ga4_export": Table(1.0, {"event_date": 10.0, "event_timestamp": 8.0, "event_params": 482.0}),
        "exported_events": Table(1.0, KNOWN_BYTES | {"params": 904.0}),
    },
    published=(),
    by_day=frozenset(),
    returns=(1.0,),
    tick=(),
    build=(),
    tests=(),
)  # fmt: skip


def exported(looks: Looks, **more: float) -> Workload:
    return Workload(EVENTS, **{"loaded_days": 30.0, "streamed_days": 0.0, **more}, looks=looks)


def of(statements: Any, name: str) -> float:
    return float(next(one.read for one in statements if one.name == name))


def test_a_day_is_read_whole_staged_and_settled() -> None:
    statements = day(exported(NIGHTLY), NIGHTLY, SMALL)
    assert of(statements, "export") == EVENTS * 500
    assert of(statements, "stage events") == EVENTS * 1000
    assert of(statements, "staged events") == 4 * EVENTS * (
        1000 + MARKS
    )  # beside three others, within one hour
    assert of(statements, "repeats") == EVENTS * (
        2 * 96 + 70
    )  # among what is there of the days that it touches
    assert of(statements, "store") == EVENTS * (1000 + POSITION + POSITION + 1)
    assert of(statements, "days of the newest") == EVENTS * 18


def test_todays_table_is_half_full_and_an_hour_has_several_looks() -> None:
    statements = intraday(exported(GROWING), GROWING, SMALL)
    assert of(statements, "export") == EVENTS / 2 * 500
    assert of(statements, "staged events") == 4 * EVENTS / 2 * (1000 + MARKS)
    hourly = Looks(3600, has_intraday=True)
    assert of(intraday(exported(hourly), hourly, SMALL), "staged events") == EVENTS / 2 * (1000 + MARKS)
    streamed = intraday(exported(hourly, streamed_days=7.0), hourly, SMALL)
    assert of(streamed, "staged events") == EVENTS / 2 * (1000 + MARKS) + EVENTS / 24 * 96
    half_as_long = Looks(900, exports=2, has_intraday=True)
    assert of(intraday(exported(half_as_long), half_as_long, SMALL), "export") == EVENTS / 4 * 500


def test_a_look_names_two_tables() -> None:
    assert sum(one.billed for one in look()) == 2 * LEAST


def test_appends_pass_over_what_exports_have_staged() -> None:
    workload = exported(GROWING, streamed_days=7.0)
    without = append(Workload(EVENTS, 30.0, 7.0), 60, SMALL)
    more = of(append(workload, 60, SMALL), "staging") - of(without, "staging")
    assert more == pytest.approx(exported_in_a_day(workload, SMALL) / 24)
    assert exported_in_a_day(workload, SMALL) == EVENTS * (4 + 96 / 2) * (1000 + MARKS)
    assert exported_in_a_day(Workload(EVENTS), SMALL) == 0


def test_a_month_has_looks_days_and_todays_table() -> None:
    month = cost(exported(GROWING), 900, Prices())
    assert [one.name for one in month.programs] == [
        "append",
        "tick",
        "tests",
        "build",
        "look",
        "day",
        "intraday",
    ]
    assert month.program("look").runs_per_month == month.program("intraday").runs_per_month == MONTH / 900
    assert month.program("day").runs_per_month == 4 * MONTH / DAY
    of_two = cost(exported(Looks(900, exports=2)), 900, Prices())
    assert of_two.program("look").runs_per_month == 2 * MONTH / 900
    assert [one.name for one in of_two.programs][4:] == ["look", "day"]
    joined = {one.name: one for one in turns(month.programs)}
    assert joined.keys() == {"append", "look", "tests", "build", "day"}
    assert joined["look"].billed == month.program("look").billed + month.program("intraday").billed


def test_what_is_staged_is_stored() -> None:
    stored = [cost(exported(looks), 900, Prices()).active_bytes for looks in (NIGHTLY, GROWING)]
    assert stored[1] - stored[0] == pytest.approx(EVENTS * 48 * 1984, rel=0.01)


def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scripts of one table of an export."""
    pytest.importorskip("google.cloud.bigquery", reason="NO BIGQUERY: its statements cannot be compared")
    from headwater.warehouse import bigquery_append, bigquery_export
    from headwater.warehouse.bigquery_staging import Staging

    scripts: list[str] = []

    class Jobs:
        def run(self, sql: str, *_: object) -> Any:
            scripts.append(sql)
            told = '{"incoming": 2, "refused": 1, "first": 0, "last": 86399000000}'
            return SimpleNamespace(result=lambda **_: [(told,)])

    staging: Any = Staging("p.d.events_20260501", Jobs(), None, is_stream=False)  # type: ignore[arg-type]
    bigquery_export.bring(staging, "select * from `p.d.events_20260501`")
    table = ExportedTable("p.d.events_20260501", "export_daily", 1)
    return [*scripts, bigquery_append.script(staging, "ga4_events_raw", True, None, table)]


def tables_of(script: str) -> list[set[str]]:
    """Of each statement the tables that it reads: what it inserts into is only written."""
    import sqlglot
    from sqlglot import exp

    found = []
    plain = re.sub(r"(?s)\bif (.+?) then\b", r"select \1;\n", script)
    for one in plain.split(";\n"):
        text = re.sub(r"^(begin|end if|end)\s", "", one.strip())
        text = re.sub(r"^set _\w+ = ", "select ", text)
        text = re.sub(r"(?s)^assert (.*) as '.*$", r"select \1", text)
        if text.startswith(("create", "insert", "select", "update", "delete", "INSERT", "CREATE")):
            tree = sqlglot.parse_one(text, dialect="bigquery")
            is_written = isinstance(tree, exp.Insert | exp.Create)
            told = tree.expression if is_written else tree
            found.append({each.name for each in told.find_all(exp.Table)} - of_itself(tree))
    return found


def of_itself(tree: Any) -> set[str]:
    from sqlglot import exp

    return {one.alias for one in tree.find_all(exp.CTE)}


def test_the_formula_counts_the_tables_that_the_statements_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sqlglot", reason="NO SQLGLOT: the statements cannot be compared")
    named = [one for script in sent(monkeypatch) for one in tables_of(script) if one]
    of_a_few_rows = sum(one.billed for one in taken_in(0.0, 0.0, Workload(0.0), SMALL))
    assert of_a_few_rows / LEAST == sum(map(len, named)), Counter(name for one in named for name in one)
