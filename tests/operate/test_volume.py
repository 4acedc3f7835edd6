"""What comes in, as the raw tables have it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from product import Product

from headwater.errors import WarehouseError
from headwater.operate.reads import Looks
from headwater.operate.volume import looks_of, workload_of
from headwater.settings import load_settings
from headwater.warehouse.protocol import ExportedTable


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
    assert (found.test_seconds, found.looks) == (900, None)
    looks = Looks(900)
    assert workload_of(product.warehouse, 900, looks) == replace(found, looks=looks)


class Exports:
    """A warehouse with exports of these tables; those that are not there cannot be asked."""

    def __init__(self, **tables: list[str]) -> None:
        self._tables = tables

    def exported_tables(self, export: str) -> list[ExportedTable]:
        if export not in self._tables:
            raise WarehouseError(f"There is no dataset {export}.")
        return [ExportedTable(f"{export}.events", kind, 1) for kind in self._tables[export]]

    def nothing_else(self, *_: object) -> Any:
        raise NotImplementedError

    look = changed_tables = exported_fields = take_in = exported_days = nothing_else


def test_looks_are_as_often_as_is_set_and_at_what_is_there(tmp_path: Path) -> None:
    toml = '[warehouse]\nurl = "bigquery://project-a/headwater"\nexport_minutes = 5.0\nexport = {}\n'

    def looks(export: str, warehouse: Any) -> Looks | None:
        (tmp_path / "headwater.toml").write_text(toml.format(export))
        return looks_of(load_settings(tmp_path, {}), warehouse)

    daily, both = ["export_daily"], ["export_daily", "export_intraday"]
    assert looks("[]", Exports()) is None
    assert looks('"project-a.analytics"', Exports(**{"project-a.analytics": daily})) == Looks(300)
    assert looks(
        '["project-a.analytics", "project-b.analytics"]',
        Exports(**{"project-a.analytics": both, "project-b.analytics": daily}),
    ) == Looks(300, 2, True)
    assert looks('"project-a.analytics"', Exports()) == Looks(
        300, has_intraday=True
    )  # the most that it may be
    assert looks('"project-a.analytics"', object()) is None
