"""What health tells of builds and ticks, however many ticks there have been since the last full build."""

from collections.abc import Callable

import pytest
from product import Product

from headwater.serve.questions import health


def test_ticks_do_not_push_out_the_full_builds(new_product: Callable[..., Product]) -> None:
    warehouse = new_product().warehouse
    nothing = {"count": 0, "since": None, "median_seconds": None}
    assert (health.full_builds(warehouse), health.ticks(warehouse)) == ([], nothing)
    rows = [
        f"({number}, 0, 0, {number in (1, 2)}, 'f', 1, timestamp '2026-05-01 00:00:00', "
        f"timestamp '2026-05-01 00:00:0{number % 3}')"
        for number in range(1, 304)
    ]
    warehouse.execute(f"insert into headwater_builds values {', '.join(rows)}")
    assert [row["build_id"] for row in health.builds(warehouse)] == list(range(303, 283, -1))
    assert [(row["build_id"], row["is_full"], row["seconds"]) for row in health.full_builds(warehouse)] == [
        (2, True, 2.0),
        (1, True, 1.0),
    ]
    told = health.ticks(warehouse)
    assert (told["count"], told["median_seconds"]) == (200, 1.0)


@pytest.mark.bigquery
def test_the_median_is_the_middle(new_product: Callable[..., Product]) -> None:
    warehouse = new_product().warehouse
    for seconds, median in (([3], 3.0), ([4, 1], 2.5), ([5, 1, 3], 3.0), ([9, 1, 2, 4], 3.0)):
        rows = [
            f"({number}, 0, 0, false, 'f', 1, timestamp '2026-05-01 00:00:00', timestamp '2026-05-01 00:00:0{took}')"
            for number, took in enumerate(seconds, 1)
        ]
        warehouse.execute("delete from headwater_builds")
        warehouse.execute(f"insert into headwater_builds values {', '.join(rows)}")
        assert health.ticks(warehouse)["median_seconds"] == median
