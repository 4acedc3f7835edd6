"""Fixtures: a history with all that is odd in it, and the API over it, once for each engine."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from product import Product, Row

from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.journal import FILE_NAME
from headwater.journal.journal import Journal

TOKEN = "the engine's token"
FIRST_DAY = datetime(2026, 4, 20, tzinfo=UTC)
HOSTILE = "'; drop table int_conversions; --\"><script>=1+1"
ORIGINS: tuple[dict[str, Any], ...] = (
    {"source": "google", "medium": "cpc", "campaign": "spring"},
    {"source": "google", "medium": "cpc", "campaign": HOSTILE},
    {"source": "google", "medium": "organic"},
    {"source": "news", "medium": "email", "campaign": "letter"},
    {"source": "=cmd()", "medium": "referral", "campaign": "@partners"},
    {},
)


def history() -> list[Row]:
    """Ninety people over four weeks: several visits each, two kinds of conversions, two currencies, values missing."""
    chance = random.Random(7)
    events: list[Row] = []

    def add(at: datetime, person: int, session: int, name: str, **said: Any) -> None:
        events.append(
            {
                "event_id": f"e{len(events)}",
                "event_name": name,
                "event_timestamp": at.isoformat(),
                "user_pseudo_id": f"device {person}",
                "ga_session_id": session,
                "page_location": f"https://shop.example/page{session}",
                **said,
            }
        )

    for person in range(90):
        at = FIRST_DAY + timedelta(minutes=chance.randrange(20 * 1440))
        for session in range(1, chance.randrange(2, 6)):
            add(at, person, session, "page_view", **chance.choice(ORIGINS))
            bought = at + timedelta(minutes=3)
            if chance.random() < 0.35:
                currency = {"currency": chance.choice(["EUR", "USD"])} if chance.random() < 0.9 else {}
                value = {"value": str(chance.randrange(500, 20_000) / 100)} if chance.random() < 0.9 else {}
                order = {"transaction_id": f"t{len(events)}"} if chance.random() < 0.9 else {}
                add(bought, person, session, "purchase", **currency, **value, **order)
            if chance.random() < 0.2:
                add(bought, person, session, "sign_up")
            at += timedelta(hours=chance.randrange(5, 120))
    return events


@pytest.fixture(scope="session")
def told(own_warehouse: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    settings = {"attribution.conversion_events": ["purchase", "sign_up"]}
    product = Product(tmp_path_factory.mktemp("told"), own_warehouse("asked"), settings)
    product.load(history())
    product.build(test=False)
    yield product
    product.close()


@pytest.fixture(scope="session")
def engine_of(told: Product) -> Iterator[Engine]:
    """One that does nothing by itself."""
    journal = Journal(told.home / FILE_NAME)
    made = Engine(told.settings, told.warehouse, journal)
    made.publications.publish(1)
    yield made
    journal.close()


@pytest.fixture(scope="session")
def api(engine_of: Engine) -> Iterator[TestClient[Litestar]]:
    with TestClient(create_app(engine_of, TOKEN), base_url="http://127.0.0.1") as client:
        yield client
