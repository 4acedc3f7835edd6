"""The newest events are looked for from the first moment of their batches on, however late some of them are."""

from collections.abc import Callable
from datetime import datetime

import pytest
from product import Product

from headwater.serve.filters import Filters
from headwater.serve.questions.events import events

NEW = datetime(2026, 5, 20, 10)
LATE = datetime(2026, 3, 1, 9)


@pytest.mark.parametrize("is_noted", [True, False])
def test_a_late_event_of_a_new_batch_is_among_them(
    new_product: Callable[..., Product], is_noted: bool
) -> None:
    product = new_product()
    for moment in (NEW, LATE):
        product.load(
            [{"event_name": "page_view", "event_timestamp": f"{moment.isoformat()}Z", "user_pseudo_id": "a"}]
        )
        product.build(test=False)
    if not is_noted:  # as versions before that did not
        product.warehouse.execute("update headwater_batches set first_event_at = null")
    found = events(product.warehouse.reader(), 2, Filters(), 2)
    assert found["event_at"].to_pylist() == [LATE, NEW]  # as they came
