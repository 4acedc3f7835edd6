"""What comes in, as the raw tables have it."""

from collections.abc import Callable

import pytest
from product import Product

from headwater.operate.volume import workload_of


def test_events_a_day_are_those_of_the_fuller_table(new_product: Callable[..., Product]) -> None:
    product = new_product()
    assert workload_of(product.warehouse, 900) is None
    event = {"event_name": "page_view", "user_pseudo_id": "d"}
    loaded = [event | {"event_timestamp": f"2026-05-{day:02}T00:00:00Z"} for day in range(1, 12)]
    streamed = [
        event | {"event_timestamp": f"2026-05-11T0{hour}:00:00Z", "source_kind": "stream"}
        for hour in (1, 2, 3)
    ]
    product.load([*loaded, *streamed])
    found = workload_of(product.warehouse, 900)
    assert found
    assert found.events_per_day == 3  # of a day at least: an hour of events is no day
    assert (found.loaded, found.streamed) == pytest.approx((11, 3))
    assert found.test_seconds == 900
