"""What was bought: the items and their prices, the order's id as it was sent, and what came back later."""

from dataclasses import dataclass

import numpy as np

from headwater.sources.synthetic.dice import Bools, Ints, Salts, pick, roll, weighted
from headwater.sources.synthetic.rhythm import DAY, SECOND
from headwater.sources.synthetic.shop import PRICES
from headwater.sources.synthetic.visits import BOUGHT, TICK, Visits

MOST_ITEMS = 4
WITH_ID, EMPTY_ID, ID_NOT_SET = 0, 1, 2
KEPT, REFUNDED_IN_PART, REFUNDED, REFUNDED_WITHOUT_VALUE = 0, 1, 2, 3
# After a purchase's first event: when the same event is sent again.
SENT_AGAIN_AFTER = SECOND // TICK * TICK


@dataclass(frozen=True)
class Orders:
    """By time of the visit. The purchase is on the page three after the one that filled the cart."""

    visit: Ints  # row of the visit
    at: Ints  # µs of the purchase event
    number: Ints  # the transaction_id; only those WITH_ID show it
    id_kind: Ints
    sent_again: Bools
    cents: Ints
    refund: Ints  # KEPT or how it was refunded
    refund_cents: Ints
    refund_at: Ints  # µs

    def of_visits(self, visits: int) -> Ints:
        """The order of each visit, or -1."""
        order = np.full(visits, -1)
        order[self.visit] = np.arange(len(self.visit))
        return order


def draw_orders(visits: Visits, end: int) -> Orders:
    """The orders of all visits; refunds that would fall after `end` (µs) have not happened yet."""
    rows = np.flatnonzero(visits.depth == BOUGHT)
    salt = visits.salt[rows]
    at = purchase_at(visits, rows)
    products, quantities = basket(salt)
    cents = (PRICES[products] * quantities).sum(axis=1)
    id_kind = weighted(roll(salt, 20), [0.965, 0.015, 0.02])
    refund_at = (at + ((2 + 18 * roll(salt, 21)) * DAY).astype(np.int64)) // TICK * TICK + TICK // 2
    refund = weighted(roll(salt, 22), [0.93, 0.03, 0.025, 0.015])
    refund = np.where((id_kind == WITH_ID) & (refund_at < end), refund, KEPT)
    part = (cents * (0.1 + 0.8 * roll(salt, 23))).astype(np.int64)
    return Orders(
        visit=rows,
        at=at,
        number=10_000_000 + 7 * np.arange(len(rows)) + pick(salt, 24, 7),
        id_kind=id_kind,
        sent_again=(roll(salt, 25) < 0.02) & (id_kind == WITH_ID),
        cents=cents,
        refund=refund,
        refund_cents=np.select([refund == REFUNDED_IN_PART, refund > REFUNDED_IN_PART], [part, cents], 0),
        refund_at=refund_at,
    )


def basket(salt: Salts) -> tuple[Ints, Ints]:
    """Products and quantities of a checkout, MOST_ITEMS of each per visit; quantity 0 is no item."""
    line = np.arange(MOST_ITEMS)
    grown = salt[:, None]
    products = pick(grown, 30 + line, len(PRICES))
    quantities = 1 + (roll(grown, 40 + line) < 0.15).astype(np.int64)
    return products, np.where(line <= weighted(roll(grown, 50), [0.6, 0.25, 0.1, 0.05]), quantities, 0)


def purchase_at(visits: Visits, rows: Ints) -> Ints:
    """The moment of the purchase: soon after the thank-you page opened."""
    return visits.page_start(rows, visits.add_page[rows] + 3) + 12_500 * TICK
