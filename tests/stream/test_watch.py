"""Following events to the marts: where they are stuck is told by its stage, and each stage's time is its own."""

import json
from typing import Any

import httpx
import pyarrow as pa
import pytest

from headwater.errors import TransientError
from headwater.stream.watch import Followed, Watch, delays

NOON = "2026-11-21T12:00:0"


class ToldEngine:
    """An engine whose stages a test sets: the real one cannot be stopped between two of them."""

    def __init__(self, **found: Any) -> None:
        self.found = found

    def ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        if path == "/v1/trace":
            wanted = content["event_ids"]
            return httpx.Response(
                200, json={"events": [{"event_id": one, **self.found["trace"]} for one in wanted]}
            )
        assert (method, path) == ("POST", "/v1/query")
        for table in ("mart_attribution", "int_conversions", "events_streaming"):
            if table in content["sql"]:
                return httpx.Response(200, content=stream_of(self.found.get(table, [])))
        raise AssertionError(content)


def stream_of(rows: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist(rows) if rows else pa.table({"event_id": pa.array([], pa.string())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def place(number: int) -> dict[str, Any]:
    return {"user_pseudo_id": "O'Hara", "ga_session_id": number, "batch_ordering_id": 1}


def followed(*numbers: int) -> list[Followed]:
    return [Followed({"event_name": "purchase", **place(number)}) for number in numbers]


ROWS = [{"event_id": "a", **place(1)}, {"event_id": "b", **place(2)}]
LOADED = {
    "generated_at": NOON + "0Z",
    "received_at": NOON + "1Z",
    "loaded_at": NOON + "2Z",
    "visible_at": None,
}
VISIBLE = {**LOADED, "visible_at": NOON + "4.5Z"}


@pytest.mark.parametrize(
    ("told_engine", "told"),
    [
        (ToldEngine(trace=LOADED), "2 of 2 events are not in the warehouse: `headwater status` says"),
        (ToldEngine(trace=LOADED, events_streaming=ROWS[:1]), "1 of 2 events are not in the warehouse"),
        (
            ToldEngine(trace=LOADED, events_streaming=ROWS),
            "2 of 2 events are in the warehouse and not in the marts",
        ),
        (
            ToldEngine(trace=VISIBLE, events_streaming=ROWS, int_conversions=[{"conversions": 1}]),
            "the marts show 1 of 2 conversions: `headwater build --full-refresh`",
        ),
        (
            ToldEngine(
                trace=VISIBLE,
                events_streaming=ROWS,
                int_conversions=[{"conversions": 2}],
                mart_attribution=[{"wanted": 5, "shown": 4}],
            ),
            "mart_attribution shows 4 of 5 rows",
        ),
    ],
)
def test_the_stage_that_is_missing_is_told(told_engine: ToldEngine, told: str) -> None:
    with pytest.raises(TransientError, match=r"^After 0\.2 s ") as raised:
        Watch(told_engine, "demo", ["purchase"]).until_shown(followed(1, 2), 0.2)
    assert told in str(raised.value)


def test_all_is_shown() -> None:
    engine = ToldEngine(
        trace=VISIBLE,
        events_streaming=ROWS,
        int_conversions=[{"conversions": 2}],
        mart_attribution=[{"wanted": 5, "shown": 5}],
    )
    both = followed(1, 2)
    Watch(engine, "demo", ["purchase"]).until_shown(both, 0.2)
    assert [one.stages["visible_at"] - one.stages["received_at"] for one in both] == [3.5, 3.5]


def test_where_nothing_is_a_conversion_the_marts_need_not_show_any() -> None:
    engine = ToldEngine(trace=VISIBLE, events_streaming=ROWS)
    Watch(engine, "demo", ["sign_up"]).until_shown(followed(1, 2), 0.2)


def test_each_stages_time() -> None:
    names = ("generated_at", "received_at", "journaled_at", "loaded_at", "visible_at")
    fast = Followed({}, dict(zip(names, (10, 11, 11.5, 12, 14), strict=True)))
    slow = Followed({}, dict(zip(names, (20, 20, 21.0, 20.5, 29), strict=True)))
    pruned = Followed({}, {"generated_at": 0, "received_at": 1, "loaded_at": 2, "visible_at": 3})
    assert delays([fast, slow, pruned]) == [
        ("generated → received", 1, 1),
        ("received → journal", 0.5, 1.0),
        ("journal → warehouse", 0, 0.5),  # a clock that was set back
        ("warehouse → mart", 2, 8.5),
        ("received → mart", 3, 9),
    ]
    assert delays([Followed({})])[0] == ("generated → received", None, None)
    assert (
        json.dumps(delays([pruned])[1:3])
        == '[["received \\u2192 journal", null, null], ["journal \\u2192 warehouse", null, null]]'
    )
