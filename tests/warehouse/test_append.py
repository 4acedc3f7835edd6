"""Appending: each event once, in any cut, and all of an append or nothing of it."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from product import Product
from raw_events import NOON, Row, batch, contents, letter, raw

from headwater.event import SOURCE_KINDS
from headwater.warehouse.protocol import EventBatch

NewProduct = Callable[..., Product]

REPLACES = {  # a kind, and the kinds whose rows it is stored beside
    "file": set(),
    "stream": set(),
    "export_intraday": {"stream"},
    "export_daily": {"stream", "export_intraday"},
}


class Model:
    """What the rules say of one row after the other."""

    def __init__(self) -> None:
        self.stored: dict[str, list[Row]] = {}
        self.conflicts: list[Row] = []

    def take(self, row: Row) -> str:
        here = self.stored.setdefault(row["event_id"], [])
        if all(one["source_kind"] in REPLACES[row["source_kind"]] for one in here):
            here.append(row)
            return "accepted"
        if any(one["payload_hash"] == row["payload_hash"] for one in here):
            return "duplicate"
        self.conflicts.append(row)
        return "id_conflict"


def crowd(seed: int) -> list[tuple[str, list[Row]]]:
    """Appends in which many ids each live through a short random life: (table, rows) per append."""
    dice = random.Random(seed)
    appends: list[tuple[str, list[Row]]] = [
        (dice.choice(["ga4_events_raw", "events_streaming"]), []) for _ in range(4)
    ]
    for number in range(400):
        for _ in range(dice.randint(1, 5)):
            dice.choice(appends)[1].append(
                raw(
                    f"life {number}",
                    event_timestamp=NOON + timedelta(minutes=number),
                    source_kind=dice.choice(SOURCE_KINDS),
                    page_location=f"https://shop.example/{dice.randint(1, 2)}",
                    received_at=NOON + timedelta(seconds=dice.randint(0, 9)),
                )
            )
    for _, rows in appends:
        dice.shuffle(rows)
    return appends


def told(row: Row) -> tuple[Any, ...]:
    return row["event_id"], row["source_kind"], row["page_location"]


def cut(rows: list[Row], size: int) -> Iterator[EventBatch]:
    for start in range(0, len(rows), size):
        yield batch(rows[start : start + size])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ids_are_computed", [False, True])
def test_rows_are_judged_as_if_they_came_one_by_one(
    new_product: NewProduct, seed: int, ids_are_computed: bool
) -> None:
    warehouse, model = new_product().warehouse, Model()
    appends = crowd(seed)
    for table, rows in appends:
        expected = Counter(model.take(row) for row in rows)
        appended = warehouse.append(table, "crowd", cut(rows, 300), ids_are_computed=ids_are_computed)
        assert (appended.accepted, appended.duplicates, appended.dead_letters) == (
            expected["accepted"],
            expected["duplicate"],
            expected["id_conflict"],
        )
        stored = warehouse.query(
            "select event_id, source_kind, page_location from ga4_events_raw union all "
            "select event_id, source_kind, page_location from events_streaming"
        ).to_pylist()
        assert Counter(map(told, stored)) == Counter(
            told(row) for rows in model.stored.values() for row in rows
        )
        refused = warehouse.query("select original from dead_letters where reason = 'id_conflict'")
        assert Counter(told(json.loads(text)) for text in refused["original"].to_pylist()) == Counter(
            {told(row) for row in model.conflicts}
        )
    before = contents(warehouse)
    for table, rows in appends:
        again = warehouse.append(table, "crowd again", cut(rows, 500), ids_are_computed=ids_are_computed)
        assert again.accepted == 0
    assert contents(warehouse) == before


def test_a_conflict_keeps_the_whole_event_that_was_refused(new_product: NewProduct) -> None:
    warehouse = new_product().warehouse
    warehouse.append("ga4_events_raw", "a", [batch([raw("one", campaign="june")])])
    other = raw("one", campaign='ju"ly \\ 🎈', params='{"a":[1,{"b":null}]}', user_id="Zoë")
    appended = warehouse.append("ga4_events_raw", "b", [batch([other])])
    assert appended.reasons == {"id_conflict": 1}
    (found,) = warehouse.query("select origin, line, reason, original from dead_letters").to_pylist()
    original = json.loads(found.pop("original"))
    assert found == {"origin": "b", "line": None, "reason": "id_conflict"}
    assert {name: original[name] for name in ("event_id", "campaign", "params", "user_id")} == {
        "event_id": "one",
        "campaign": other["campaign"],
        "params": {"a": [1, {"b": None}]},
        "user_id": "Zoë",
    }


def test_the_same_file_again_changes_nothing_at_all(new_product: NewProduct) -> None:
    product = new_product()
    events = [
        {"event_name": "page_view", "event_timestamp": "2026-05-01T10:00:00Z", "user_pseudo_id": "a"},
        {"event_id": "x", "event_name": "purchase", "event_timestamp": "2026-05-01T10:01:00Z", "user_pseudo_id": "a"},
        {"event_id": "x", "event_name": "purchase", "event_timestamp": "2026-05-01T10:02:00Z", "user_pseudo_id": "a"},
        {"event_name": "of nobody", "event_timestamp": "2026-05-01T10:01:00Z"},
        {"event_name": "scroll", "event_timestamp": "2026-05-01T10:01:00Z", "user_pseudo_id": "b",
         "source_kind": "export_daily"},
    ]  # fmt: skip
    product.load(events)
    before = contents(product.warehouse)
    assert {table: len(rows) for table, rows in before.items()} == {
        "ga4_events_raw": 3,
        "events_streaming": 0,
        "dead_letters": 2,
        "headwater_batches": 1,
        "headwater_coverage": 1,
    }
    product.load(events)  # an equal file of another name
    product.load(events[:2])
    assert contents(product.warehouse) == before


def test_a_dead_letter_is_stored_once(new_product: NewProduct) -> None:
    warehouse = new_product().warehouse
    letters = [letter("{", line=1), letter("{", line=1), letter("{", line=2), letter("[", line=2)]
    first = warehouse.append("ga4_events_raw", "a", [batch([raw("one")], letters), batch([], letters)])
    assert first.dead_letters == 8
    assert len(contents(warehouse)["dead_letters"]) == 3
    before = contents(warehouse)
    assert warehouse.append("ga4_events_raw", "a", [batch([raw("one")], letters)]).dead_letters == 4
    assert contents(warehouse) == before


def test_an_append_that_fails_midway_leaves_no_trace(new_product: NewProduct) -> None:
    warehouse = new_product().warehouse
    warehouse.append("ga4_events_raw", "a", [batch([raw("one")])])
    before = contents(warehouse)

    def torn() -> Iterator[EventBatch]:
        yield batch([raw("two"), raw("one", campaign="conflict")], [letter("{")])
        raise InterruptedError("the file ends here")

    for _ in range(2):
        with pytest.raises(InterruptedError):
            warehouse.append("ga4_events_raw", "b", torn())
        assert contents(warehouse) == before
    assert warehouse.append("ga4_events_raw", "c", [batch([raw("two")])]).accepted == 1
    assert len(contents(warehouse)["headwater_batches"]) == 2


def test_ids_are_computed_looks_in_the_stretch_of_time_that_can_hold_them(new_product: NewProduct) -> None:
    """The pruning shows only where its promise is broken: an equal id at another time is then not found."""
    warehouse = new_product().warehouse
    warehouse.append("ga4_events_raw", "a", [batch([raw("one"), raw("two")])])
    later = [raw("one", event_timestamp=NOON + timedelta(days=1), source_kind="stream")]
    assert warehouse.append("events_streaming", "b", [batch(later)]).reasons == {"id_conflict": 1}
    assert warehouse.append("events_streaming", "b", [batch(later)], ids_are_computed=True).accepted == 1


def numbered(count: int) -> EventBatch:
    rows = batch([raw("one")]).events.take([0] * count)
    return EventBatch(
        rows.set_column(0, rows.schema.field(0), [[f"{number}" for number in range(count)]]),
        batch([]).dead_letters,
    )


def test_more_repeats_than_a_lookup_holds_in_memory(new_product: NewProduct, engine: str) -> None:
    """PostgreSQL's memory for a lookup is made small, so that a tenth of a day is as much for it as a big day."""
    warehouse, events = new_product().warehouse, numbered(60_000)
    if engine == "postgres":
        warehouse.execute("set work_mem = '64kB'")
    assert warehouse.append("ga4_events_raw", "a", [events, batch([raw("more")])]).accepted == 60_001
    started = time.monotonic()
    again = warehouse.append("ga4_events_raw", "a", [events])
    assert (again.accepted, again.duplicates) == (0, 60_000)
    assert time.monotonic() - started < 30  # row by row it would be minutes


def test_one_id_for_everything_is_judged_in_linear_time(new_product: NewProduct) -> None:
    """A client that gives all its events one id: 30,000 arrivals of it, each with a content of its own."""
    warehouse, count = new_product().warehouse, 30_000
    rows = batch([raw("one")]).events.take([0] * count)
    hashes = rows.schema.get_field_index("payload_hash")
    rows = rows.set_column(hashes, rows.schema.field(hashes), [list(range(count))])
    started = time.monotonic()
    appended = warehouse.append("ga4_events_raw", "a", [EventBatch(rows, batch([]).dead_letters)])
    assert (appended.accepted, appended.reasons) == (1, {"id_conflict": count - 1})
    assert time.monotonic() - started < 30
