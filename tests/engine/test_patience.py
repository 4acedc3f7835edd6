"""What fails is tried again soon, ever less often up to a limit, and by no two engines at the same moments."""

import time
from threading import Event
from typing import Any

import pytest
from engine.stream import Stream, purchase
from product import Product

from headwater.engine.engine import SINK, Engine
from headwater.engine.patience import patiently
from headwater.engine.ticks import TICK
from headwater.engine.vitals import Vitals
from headwater.errors import BuildError, WarehouseUnavailable


class Waits(Event):
    """Nobody waits here: for how long it would have been is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return False


def waits(failures: int) -> list[float]:
    left, stop = iter(range(failures)), Waits()

    def work() -> None:
        for _ in left:
            raise WarehouseUnavailable("It is away.")

    vitals = Vitals()
    patiently("work", work, vitals, stop)
    assert vitals.alerts() == {}
    return stop.seconds


def test_pauses_are_short_and_no_two_are_alike() -> None:
    one, other = waits(40), waits(40)
    assert len(one) == len(other) == 40
    assert max(one + other) <= 5.0
    assert max(one[:3]) < 1.0
    late = sorted(one[8:] + other[8:])
    # from all of the time there is, not from its end
    assert late[0] < 1.5
    assert late[-1] > 3.5
    assert len(set(late)) == len(late)


def test_a_pause_after_a_failed_tick_is_short_and_over_once_loading_goes_on(
    product: Product, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Engine(product.settings, product.warehouse, stream.journal)
    pauses = []

    def away(*_: Any, **__: bool) -> Any:
        raise BuildError("A model cannot be built, says planted.person@example.com.")

    monkeypatch.setattr("headwater.engine.ticks.Builder.build", away)
    for _ in range(40):
        live.ticks._not_before = 0.0
        live.ticks.tick()
        assert not live.ticks.is_due()
        pauses.append(live.ticks._not_before - time.monotonic())
    assert max(pauses) <= 5.0
    assert max(pauses) > 3.0
    assert min(pauses[8:]) < 2.0
    assert live.vitals.alerts()[TICK].message == "A model cannot be built, says (redacted)."
    # what the sink has waited for is over for the tick as well
    live.vitals.raise_alert(SINK, "It is away.")
    stream.take([purchase(1)])
    assert live._load_what_waits()
    assert live.ticks.is_due()
    assert TICK in live.vitals.alerts()
