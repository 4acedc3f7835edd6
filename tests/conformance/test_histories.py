"""Drawn histories, batch by batch: after every incremental build, and after a full one, the tables are the reference's.

A build takes a second and a half whatever its size, so an example is a crowd: many small histories under the same
settings, each with ids of its own. `CROWDS=100` looks further than the few crowds of every run do. On
BigQuery's stand-in, which takes its time, it is one crowd in two batches."""

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import pytest
import reference
from histories import SETTINGS, History, histories, is_plainest, is_streamed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from product import Product

Row = dict[str, Any]

CROWDS = {"duckdb": 5, "postgres": 5, "bigquery": 1}
WORLDS_PER_CROWD = 24


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMPARED = {  # table: what the reference calls it, and the columns
    "int_touchpoints": (
        "touchpoints",
        names("touchpoint_id person_id device_id session_key touch_at source medium campaign channel"),
    ),
    "int_conversions": (
        "conversions",
        names(
            "conversion_id conversion_event person_id conversion_at conversion_date conversion_value currency "
            "transaction_id"
        ),
    ),
    "int_user_journeys": (
        "journeys",
        names(
            "conversion_id step_number channel first_touch_at last_touch_at touch_count touchpoint_id "
            "last_touchpoint_id source medium campaign"
        ),
    ),
    "int_attribution_credits": (
        "credits",
        names(
            "conversion_id attribution_model touchpoint_id touch_at channel source medium campaign credit "
            "credited_value"
        ),
    ),
    "stg_ga4_sessions": (
        "sessions",
        names(
            "session_key device_id person_id session_start session_end event_count page_views landing_page source "
            "medium campaign channel"
        ),
    ),
}
PUBLISHED = (
    *COMPARED,
    "int_devices",
    "int_kept_events",
    "int_logins",
    "int_orders",
    "stg_ga4_conversions",
    "stg_ga4_events",
    "mart_attribution",
    "mart_first_click_attribution",
    "mart_last_click_attribution",
    "mart_attribution_comparison",
    "mart_channel_performance",
)


@dataclass(frozen=True, repr=False)
class Crowd:
    """Without a repr: the thousand lines of it would hide the failure, which names its world."""

    histories: list[History]
    settings: Row


CROWD = st.builds(
    Crowd,
    histories=st.lists(histories(), min_size=WORLDS_PER_CROWD, max_size=WORLDS_PER_CROWD),
    settings=SETTINGS,
)


def of_its_own(event: Row, number: int) -> Row:
    """The event in a world of its own; the first one keeps the plain names, so that those are met, too."""
    if number == 0:
        return event
    named = {
        name: f"w{number}~{event[name]}"
        for name in ("event_id", "user_pseudo_id", "user_id", "stream_id", "transaction_id")
        if event.get(name) not in (None, "", "(not set)")
    }
    if event.get("source_kind", "file") != "file":
        named.setdefault("stream_id", f"w{number}~own")
    if event.get("ga_session_id") is not None:
        named["ga_session_id"] = int(event["ga_session_id"]) + 1000 * number
    return event | named


def streams_of(count: int) -> dict[str, str]:
    return {"G-1": "123"} | {f"w{number}~G-1": f"w{number}~123" for number in range(1, count)}


def arrivals(crowd: list[History]) -> list[list[Row]]:
    """The batches of all worlds at once: in each, what is loaded first and what is streamed then."""
    worlds = [
        [[of_its_own(event, number) for event in batch] for batch in history.batches]
        for number, history in enumerate(crowd)
    ]
    merged = [
        [event for batch in batches for event in batch] for batches in zip_longest(*worlds, fillvalue=[])
    ]
    return [sorted(batch, key=is_streamed) for batch in merged]


def rows(table: list[Row], columns: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in columns) for row in table)


def differences(product: Product, truth: reference.Truth) -> dict[str, Row]:
    found = {}
    for table, (name, columns) in COMPARED.items():
        built = rows(product.rows(f"select {', '.join(columns)} from {table}"), columns)
        wanted = rows(getattr(truth, name), columns)
        if built != wanted:
            found[table] = {
                "missing": sorted(map(str, wanted - built))[:4],
                "too many": sorted(map(str, built - wanted))[:4],
            }
    return found


def snapshot(product: Product) -> dict[str, Counter[str]]:
    return {table: Counter(map(str, product.rows(f"select * from {table}"))) for table in PUBLISHED}


@pytest.mark.bigquery
def test_incremental_and_full_builds_equal_the_reference(
    new_product: Callable[..., Product], engine: str
) -> None:
    @settings(
        max_examples=int(os.environ.get("CROWDS", CROWDS[engine])) + 1,
        deadline=None,
        derandomize="CROWDS" not in os.environ,
        phases=[Phase.generate],  # a crowd that fails names the world: shrinking it would take an hour
        suppress_health_check=list(HealthCheck),
    )
    @given(crowd=CROWD)
    def check(crowd: Crowd) -> None:
        if is_plainest(crowd.histories):
            return
        chosen = dict(crowd.settings)
        if "streams" in chosen:
            chosen["streams"] = streams_of(len(crowd.histories))
        product = new_product(chosen)
        arrived: list[Row] = []
        batches = arrivals(crowd.histories)
        if engine == "bigquery":
            batches = [batches[0], sorted(chain(*batches[1:]), key=is_streamed)]
        for batch in batches:
            product.load(batch)
            arrived += batch
            product.build(test=engine != "bigquery")  # whose tests are run by tests/bigquery
            found = differences(product, reference.compute(arrived, chosen))
            if found:
                pytest.fail(explained(found, arrived, chosen), pytrace=False)
        incremental = snapshot(product)
        product.build(full_refresh=True, test=engine != "bigquery")
        assert snapshot(product) == incremental, chosen

    check()


def explained(found: dict[str, Row], arrived: list[Row], chosen: Row) -> str:
    """The first differing rows of each table, and the events of the world that the first one is from."""
    worlds = re.findall(r"w\d+~", str(found)) or [""]
    events = [event for event in arrived if str(event["event_id"]).startswith(worlds[0])]
    lines = [
        f"settings {chosen}",
        *(f"{table}: {rows}" for table, rows in found.items()),
        f"events of {worlds[0]}:",
    ]
    return "\n".join([*lines, *map(str, events)])
