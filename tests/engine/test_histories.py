"""Drawn histories through journal, sink and ticks, cut anywhere: the tables are the reference's and a full rebuild's.

`CROWDS=20` looks further than every run does; on BigQuery's stand-in, which takes its time, that is one crowd."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import reference
from conformance.test_histories import differences, explained, of_its_own, snapshot, streams_of
from engine.outside import overlooked
from engine.stream import Stream
from histories import SETTINGS, History, histories, is_plainest, is_streamed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from product import Product

from headwater.engine.engine import Engine
from headwater.transform.days import DaysOfBuild
from headwater.transform.tick import Tick

Row = dict[str, Any]

CROWDS = {"duckdb": 2, "postgres": 2, "bigquery": 1}
WORLDS = 24
CUTS = {"duckdb": 4, "postgres": 4, "bigquery": 2}


def arriving(drawn: list[History], dice: Random, count: int) -> list[list[Row]]:
    """All worlds at once, cut anywhere: what no export brings is streamed. In each cut, exports are loaded first."""
    events = [
        of_its_own({**event, "source_kind": event.get("source_kind", "stream")}, number)
        for number, history in enumerate(drawn)
        for event in history.events
    ]
    for event in events:
        if event["source_kind"] == "file":
            event["source_kind"] = "stream"
    dice.shuffle(events)
    cuts = sorted(dice.sample(range(1, len(events)), count))
    parts = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    return [sorted(part, key=is_streamed) for part in parts]


@pytest.mark.bigquery
def test_streamed_histories_equal_a_rebuild_and_the_reference(
    engine: str,
    new_product: Callable[..., Product],
    new_stream: Callable[[Path], Stream],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks: list[int] = []
    run = Tick.run

    def counted(self: Tick, from_batch: int, to_batch: int) -> DaysOfBuild:
        ticks.append(to_batch)
        days = run(self, from_batch, to_batch)
        found = overlooked(self._warehouse, self, days, from_batch, to_batch)
        if found:
            pytest.fail(f"the days {days.touched} are not enough: {found}", pytrace=False)
        return days

    monkeypatch.setattr(Tick, "run", counted)

    @settings(
        # the first one is always the plainest: an event in each world
        max_examples=int(os.environ.get("CROWDS", CROWDS[engine])) + 1,
        deadline=None,
        derandomize="CROWDS" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        drawn=st.lists(histories(), min_size=WORLDS, max_size=WORLDS),
        chosen=SETTINGS,
        seed=st.integers(0, 2**32),
    )
    def check(drawn: list[History], chosen: Row, seed: int) -> None:
        if is_plainest(drawn):
            return
        if "streams" in chosen:
            chosen = {**chosen, "streams": streams_of(len(drawn))}
        product = new_product(chosen)
        stream = new_stream(product.home)
        live = Engine(product.settings, product.warehouse, stream.journal)
        arrived: list[Row] = []
        ticks.clear()
        for part in arriving(drawn, Random(seed), CUTS[engine]):
            product.load([event for event in part if not is_streamed(event)])
            stream.take([event for event in part if is_streamed(event)])
            arrived += part
            while live._load_what_waits():
                pass
            live.ticks.tick()
            assert live.vitals.alerts() == {}
            found = differences(product, reference.compute(arrived, chosen))
            if found:
                pytest.fail(explained(found, arrived, chosen), pytrace=False)
        assert len(ticks) == CUTS[engine]  # the first build is a full one, by dbt
        by_ticks = snapshot(product)
        assert live.build(full_refresh=True).full
        assert snapshot(product) == by_ticks, chosen
        product.close()

    check()
