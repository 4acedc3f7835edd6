"""What each question is answered over a history that can be worked out by hand, to the letter, on each engine.

Ann comes by a tagged letter on 3 May, by a search on 5 May, and orders for 30 on 6 May, coming directly. Bob comes by
an advertisement on 12 May, orders for 10 at once, and once more for 20.5 on 14 May, coming directly.

    WRITE_GOLDEN=1 python -m pytest tests/serve/test_golden.py     # writes the answers anew: read them
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from litestar.testing import TestClient
from product import Product
from serve.conftest import TOKEN

from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.journal import FILE_NAME
from headwater.journal.journal import Journal

GOLDEN = Path(__file__).parent / "golden"
DATES = "from=2026-05-11&to=2026-05-15"
QUESTIONS = {
    "overview": f"overview?{DATES}",
    "overview_of_may": "overview?from=2026-05-01&to=2026-05-14&model=last_click&model=first_click",
    "timeseries": f"timeseries?{DATES}&model=last_click&by=channel",
    "timeseries_by_week": "timeseries?from=2026-05-01&to=2026-05-14&grain=week&model=linear",
    "channels": "channels?from=2026-05-01&to=2026-05-14",
    "campaigns": "campaigns?from=2026-05-01&to=2026-05-14&model=position_based&persons=yes",
    "comparison": "comparison?from=2026-05-01&to=2026-05-14",
    "paths": "journeys/paths?from=2026-05-01&to=2026-05-14",
    "links": "journeys/links?from=2026-05-01&to=2026-05-14",
    "lengths": "journeys/lengths?from=2026-05-01&to=2026-05-14",
    "days": "journeys/days?from=2026-05-01&to=2026-05-14",
    "assists": "journeys/assists?from=2026-05-01&to=2026-05-14",
    "conversions": "conversions?from=2026-05-01&to=2026-05-14",
    "values": "values/campaign?from=2026-05-01&to=2026-05-14",
    "channels_csv": "channels?from=2026-05-01&to=2026-05-14&format=csv&model=first_click&model=last_click",
}


def visit(event_id: str, day: int, person: str, session: int, **said: object) -> dict[str, object]:
    return {
        "event_id": event_id,
        "event_name": "page_view",
        "event_timestamp": f"2026-05-{day:02}T12:00:00Z",
        "user_pseudo_id": person,
        "ga_session_id": session,
        **said,
    }


def order(event_id: str, day: int, person: str, session: int, value: str) -> dict[str, object]:
    return visit(event_id, day, person, session) | {
        "event_name": "purchase",
        "event_timestamp": f"2026-05-{day:02}T12:10:00Z",
        "transaction_id": f"order {event_id}",
        "value": value,
        "currency": "EUR",
    }


HISTORY = [
    visit("a1", 3, "ann", 1, source="letter", medium="email", campaign="may"),
    visit("a2", 5, "ann", 2, page_referrer="https://www.google.com/", page_location="https://shop.example/"),
    visit("a3", 6, "ann", 3),
    order("a4", 6, "ann", 3, "30"),
    visit("b1", 12, "bob", 1, source="google", medium="cpc", campaign="boots"),
    order("b2", 12, "bob", 1, "10"),
    visit("b3", 14, "bob", 2),
    order("b4", 14, "bob", 2, "20.5"),
]


@pytest.mark.bigquery
def test_the_answers_are_these(new_product: Callable[..., Product]) -> None:
    product = new_product()
    product.load(HISTORY)
    product.build(test=False)
    journal = Journal(product.home / FILE_NAME)
    with TestClient(
        create_app(Engine(product.settings, product.warehouse, journal), TOKEN), base_url="http://127.0.0.1"
    ) as api:
        told = {name: api.get(f"/v1/{question}").text for name, question in QUESTIONS.items()}
    journal.close()
    if os.environ.get("WRITE_GOLDEN"):
        for name, text in told.items():
            (GOLDEN / name).with_suffix(".csv" if name.endswith("csv") else ".json").write_text(text)
        pytest.fail("The answers were written anew: read them.")
    for name, text in told.items():
        assert text == next(GOLDEN.glob(f"{name}.*")).read_text(), name
