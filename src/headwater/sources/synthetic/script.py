"""What happens in a visit, step by step: pages first, then the events on each page.

Everything follows from the visit's own row and salt, so any set of visits can be told at any time.
"""

from dataclasses import dataclass

import numpy as np

from headwater.sources.synthetic.dice import Bools, Ints, pick, roll, weighted
from headwater.sources.synthetic.orders import SENT_AGAIN_AFTER, Orders
from headwater.sources.synthetic.rhythm import DAY
from headwater.sources.synthetic.shop import (
    ACCOUNT,
    CART,
    CHECKOUT,
    FIRST_CATEGORY,
    FIRST_PRODUCT,
    HOME,
    PRICES,
    THANKS,
)
from headwater.sources.synthetic.visits import BOUGHT, BROWSED, CHECKED_OUT, PAGE_VIEW_DELAY, TICK, Visits

EVENT_NAMES = [
    "session_start", "first_visit", "page_view", "view_item", "login", "add_to_cart", "begin_checkout",
    "purchase", "purchase", "scroll", "user_engagement", "refund",
]  # fmt: skip
(SESSION_START, FIRST_VISIT, PAGE_VIEW, VIEW_ITEM, LOGIN, ADD_TO_CART, BEGIN_CHECKOUT,
 PURCHASE, PURCHASE_AGAIN, SCROLL, ENGAGEMENT, REFUND) = range(12)  # fmt: skip
LAST_OF_FIRST_BATCH = VIEW_ITEM

# An event's time after its page opened: a fixed part in µs, and a share of the page's span.
_SOON = np.array([0, 2 * TICK, PAGE_VIEW_DELAY, 2_500 * TICK, 0, 0, 0, 12_500 * TICK,
                  12_500 * TICK + SENT_AGAIN_AFTER, 0, 0, 0])  # fmt: skip
_WITHIN = np.array([0, 0, 0, 0, 0.15, 0.5, 0.25, 0, 0, 0.7, 0.95, 0])
_REPEATED_ROWS = 0.0006

NO_PAGE = -1


@dataclass(frozen=True)
class Pages:
    """Page by page in the order of each visit; a refund stands on a row of its own, without a page."""

    visit: Ints  # row in the visits told
    nth: Ints  # within the visit; -1 for a refund
    start: Ints
    span: Ints  # µs in which the page's events lie
    page: Ints  # index into shop.PAGES, or NO_PAGE
    landed: Ints  # the origin that led straight to this page, or -1


@dataclass(frozen=True)
class Day:
    """One day's file, in numbers."""

    visits: Visits
    order: Ints  # of each visit: row in the orders, or -1
    pages: Pages
    page: Ints  # of each event: row in pages
    event: Ints  # of each event: index into EVENT_NAMES
    at: Ints  # of each event: µs since 1970
    duplicates: int  # rows that are there a second time


def tell_day(
    visits: Visits, rows: Ints, refunds: Ints, orders: Orders, order_of: Ints, first_moment: int
) -> Day:
    """What lies in one day's file, of the visits at `rows` and the refunded orders at `refunds`."""
    told = visits.take(np.concatenate([rows, orders.visit[refunds]]))
    order = order_of[np.concatenate([rows, orders.visit[refunds]])]
    pages = _pages(told, len(rows), orders.refund_at[refunds])
    happens = _happens(told, pages, order, orders)
    page, event = np.nonzero(happens)
    at = pages.start[page] + _SOON[event]
    at += (pages.span[page] * _WITHIN[event]).astype(np.int64) // TICK * TICK

    visit = pages.visit[page]
    came_late = told.late[visit] & (pages.nth[page] == told.pages[visit] - 1)
    here = (at - first_moment) // DAY + came_late == 0
    repeated = roll(told.salt[visit], 3000 + 16 * pages.nth[page] + event) < _REPEATED_ROWS
    chosen = np.repeat(np.arange(len(at)), np.where(here, 1 + repeated, 0))
    duplicates = int(np.count_nonzero(here & repeated))
    return Day(told, order, pages, page[chosen], event[chosen], at[chosen], duplicates)


def _pages(visits: Visits, browsing: int, refund_at: Ints) -> Pages:
    count = visits.pages[:browsing]
    visit = np.repeat(np.arange(browsing), count)
    nth = np.arange(len(visit)) - np.repeat(np.cumsum(count) - count, count)
    landed = np.full(len(visit), -1)
    at_first, at_second = nth == 0, nth == visits.second_page[visit]
    landed[at_first] = visits.origin[visit[at_first]]
    landed[at_second] = visits.second_origin[visit[at_second]]
    refunded = np.arange(browsing, len(visits))
    none = np.full(len(refunded), -1)
    return Pages(
        visit=np.concatenate([visit, refunded]),
        nth=np.concatenate([nth, none]),
        start=np.concatenate([visits.page_start(visit, nth), refund_at]),
        span=np.concatenate([(0.4 * visits.length[visit] / visits.pages[visit]).astype(np.int64), none]),
        page=np.concatenate([_page(visits, visit, nth), np.full(len(refunded), NO_PAGE)]),
        landed=np.concatenate([landed, none]),
    )


def _page(visits: Visits, visit: Ints, nth: Ints) -> Ints:
    salt = visits.salt[visit]
    product = FIRST_PRODUCT + (roll(salt, 2000 + nth) ** 1.7 * len(PRICES)).astype(np.int64)
    category = FIRST_CATEGORY + pick(salt, 2100 + nth, FIRST_PRODUCT - FIRST_CATEGORY)
    kind = weighted(roll(salt, 2200 + nth), [0.12, 0.33, 0.55])
    page = np.select([kind == 0, kind == 1], [np.full(len(nth), HOME), category], product)
    depth = visits.depth[visit]
    since_cart = np.where(depth > BROWSED, nth - visits.add_page[visit], -1)
    page = np.where((nth == visits.login_page[visit]) & (depth < CHECKED_OUT), ACCOUNT, page)
    page = np.where(since_cart == 0, product, page)
    in_checkout = (since_cart > 0) & (since_cart < depth)
    return np.where(in_checkout, np.choose(since_cart.clip(0, 3), [HOME, CART, CHECKOUT, THANKS]), page)


def _happens(visits: Visits, pages: Pages, order: Ints, orders: Orders) -> Bools:
    """Which event happens on which page."""
    visit, nth = pages.visit, pages.nth
    salt, depth = visits.salt[visit], visits.depth[visit]
    real = pages.page != NO_PAGE
    opening = (nth == 0) & ~visits.headless[visit]
    buys = real & (depth == BOUGHT) & (nth == visits.add_page[visit] + 3)
    sent_again = orders.sent_again[order[visit]] if len(orders.sent_again) else False
    happens = np.zeros((len(visit), len(EVENT_NAMES)), np.bool_)
    happens[:, SESSION_START] = opening
    happens[:, FIRST_VISIT] = opening & (visits.number[visit] == 1) & ~visits.nameless[visit]
    happens[:, PAGE_VIEW] = real
    happens[:, VIEW_ITEM] = (pages.page >= FIRST_PRODUCT) & (pages.page < CART)
    happens[:, LOGIN] = real & (nth == visits.login_page[visit])
    happens[:, ADD_TO_CART] = real & (depth > BROWSED) & (nth == visits.add_page[visit])
    happens[:, BEGIN_CHECKOUT] = real & (depth >= CHECKED_OUT) & (nth == visits.add_page[visit] + 2)
    happens[:, PURCHASE] = buys
    happens[:, PURCHASE_AGAIN] = buys & sent_again
    happens[:, SCROLL] = real & (roll(salt, 2300 + nth) < 0.38)
    happens[:, ENGAGEMENT] = real & (roll(salt, 2400 + nth) < 0.62)
    happens[:, REFUND] = ~real
    return happens
