"""An engine on BigQuery while the service refuses it for a time: it says so, goes on, and counts each event once."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from bigquery.faulty import Fault, Proxy
from engine.stream import Stream, purchase
from product import Product

from headwater.engine import ticks
from headwater.engine.engine import SINK, Engine
from headwater.engine.patience import patiently
from headwater.engine.ticks import TICK
from headwater.engine.vitals import Vitals

pytestmark = pytest.mark.stand_in_only("faults are put between the product and the stand-in")

BYTES = "Quota exceeded: Your table exceeded quota for streaming insert bytes per second."
QUERIES = "Quota exceeded: Your project exceeded quota for concurrent queries."
LIMIT = "Query exceeded limit for bytes billed: 100000000000. 250000000000 or higher required."


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr(ticks, "FIRST_LIMIT", 0.0)


@pytest.fixture(scope="module")
def product(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("home")
    made = Product(home, "bigquery://local/engine_faults", {"warehouse.writer": "insert_all"})
    yield made
    made.close()


@pytest.fixture
def live(product: Product, proxy: Proxy) -> Iterator[tuple[Engine, Stream]]:
    proxy.faults.clear()
    stream = Stream(product.home)
    yield Engine(product.settings, product.warehouse, stream.journal), stream
    stream.close()


class Alerts(Event):
    """In place of each pause: what the alert says by then."""

    def __init__(self, vitals: Vitals) -> None:
        super().__init__()
        self.vitals = vitals
        self.said: list[str] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.said.append(self.vitals.alerts()[SINK].message)
        return False


def orders(product: Product) -> list[dict[str, Any]]:
    return product.rows(
        "select conversion_id, sum(credit) as credit from int_attribution_credits "
        "where attribution_model = 'last_click' group by conversion_id order by conversion_id"
    )


def test_a_quota_that_is_used_up_is_waited_for(
    product: Product, proxy: Proxy, live: tuple[Engine, Stream]
) -> None:
    engine, stream = live
    stream.take([purchase(1), purchase(2)])
    refused = Fault("POST headwater_incoming/insertAll", 403, "quotaExceeded", BYTES, times=3)
    proxy.faults.append(refused)
    pauses = Alerts(engine.vitals)
    assert patiently(SINK, engine._load_what_waits, engine.vitals, pauses)
    assert refused.times == 0
    assert len(pauses.said) == 3
    assert all("a quota is used up" in alert and BYTES in alert for alert in pauses.said)
    assert engine.vitals.alerts() == {}
    engine.ticks.tick()
    assert engine.vitals.alerts() == {}
    assert [order["conversion_id"] for order in orders(product)] == ["e1", "e2"]
    assert engine.status()["dead_letters"] == 0


@pytest.mark.parametrize(
    ("status", "reason", "message", "said"),
    [
        (403, "quotaExceeded", QUERIES, "a quota is used up"),
        (400, "bytesBilledLimitExceeded", LIMIT, "was not run: set warehouse.max_gb_billed to at least 250.00."),
    ],
)  # fmt: skip
def test_a_tick_that_is_refused_leaves_the_last_tables_and_is_done_again(
    product: Product,
    proxy: Proxy,
    live: tuple[Engine, Stream],
    status: int,
    reason: str,
    message: str,
    said: str,
) -> None:
    engine, stream = live
    engine.ticks.tick()
    before, number = orders(product), 10 + status
    stream.take([purchase(number)])
    assert engine._load_what_waits()
    refused = Fault("POST /jobs", status, reason, message, of="scope_cuts")
    proxy.faults.append(refused)
    engine.ticks.tick()
    assert refused.times == 0
    assert said in engine.vitals.alerts()[TICK].message
    assert orders(product) == before
    engine.ticks.tick()
    assert engine.vitals.alerts() == {}
    assert [one["conversion_id"] for one in orders(product)] == sorted(
        [one["conversion_id"] for one in before] + [f"e{number}"]
    )
