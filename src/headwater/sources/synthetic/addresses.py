"""The texts of a day's events: a fixed vocabulary of addresses and words, and the day's clicks and orders."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.sources.synthetic.dice import Ints, pick, roll
from headwater.sources.synthetic.orders import Orders
from headwater.sources.synthetic.origins import DIRECT, HAS_CLICK_ID, ORIGINS
from headwater.sources.synthetic.script import Day
from headwater.sources.synthetic.shop import CART, CURRENCY, HOME, PAGES, PAYMENT_PAGES, THANKS, TITLES

_FIXED_QUERIES = [n for n, origin in enumerate(ORIGINS) if origin.query and not HAS_CLICK_ID[n]]
_OTHER_TEXTS = {
    *TITLES, *PAYMENT_PAGES, *(origin.referrer for origin in ORIGINS if origin.referrer),
    *(text for origin in ORIGINS for text in origin.collected.values()),
    "", "(not set)", "0", "1", CURRENCY, "password",
}  # fmt: skip
# Addresses of pages come first, so that an address is found by arithmetic.
VOCABULARY = [
    *PAGES,
    *(f"{page}?{ORIGINS[n].query}" for n in _FIXED_QUERIES for page in PAGES),
    *sorted(_OTHER_TEXTS),
]
_PLACE = {text: n for n, text in enumerate(VOCABULARY)}

TITLE = np.array([*(_PLACE[title] for title in TITLES), -1])
_REFERRER = np.array([_PLACE[origin.referrer] if origin.referrer else -1 for origin in ORIGINS])
_PAYMENT = np.array([_PLACE[page] for page in PAYMENT_PAGES])
_QUERY_BLOCK = np.zeros(len(ORIGINS), np.int64)
_QUERY_BLOCK[_FIXED_QUERIES] = 1 + np.arange(len(_FIXED_QUERIES))
_AROUND_CLICK = [(origin.query or "").partition("{click}") for origin in ORIGINS]
_BEFORE_CLICK = pa.array([f"?{before}" for before, _, _ in _AROUND_CLICK])
_AFTER_CLICK = pa.array([after for _, _, after in _AROUND_CLICK])
_FIXED = pa.array(VOCABULARY, pa.string())
_PAGES = pa.array(PAGES, pa.string())


def place(text: str) -> int:
    return _PLACE[text]


def collected(field: str) -> list[str | None]:
    """The text of one field of collected_traffic_source, by origin."""
    return [origin.collected.get(field) for origin in ORIGINS]


@dataclass(frozen=True)
class Addresses:
    location: Ints  # of each page: index into texts, or -1
    referrer: Ints
    order_id: Ints  # of each visit
    click: Ints  # of each page: index into click_ids, or -1
    click_ids: pa.Array
    texts: pa.Array  # the vocabulary and the day's own texts


def addresses(day: Day, orders: Orders) -> Addresses:
    pages, visits = day.pages, day.visits
    with_click = np.flatnonzero((pages.landed >= 0) & HAS_CLICK_ID[pages.landed])
    landed = pages.landed[with_click]
    serial = visits.salt[pages.visit[with_click]] + (pages.nth[with_click] > 0).astype(np.uint64)
    click_ids = pc.binary_join_element_wise("Cj0", pa.array(serial).cast(pa.string()), "")
    click_urls = pc.binary_join_element_wise(
        _PAGES.take(pa.array(pages.page[with_click])),
        _BEFORE_CLICK.take(pa.array(landed)),
        click_ids,
        _AFTER_CLICK.take(pa.array(landed)),
        "",
    )
    click = np.full(len(pages.page), -1)
    click[with_click] = np.arange(len(with_click))
    block = np.where(pages.landed >= 0, _QUERY_BLOCK[pages.landed], 0)
    location = np.where(click >= 0, len(VOCABULARY) + click, pages.page + len(PAGES) * block)
    location = np.where(pages.page >= 0, location, -1)

    bought = np.flatnonzero(day.order >= 0)
    numbers, which = np.unique(orders.number[day.order[bought]], return_inverse=True)
    order_id = np.full(len(visits), -1)
    order_id[bought] = len(VOCABULARY) + len(with_click) + which
    texts = pa.concat_arrays([_FIXED, click_urls, pa.array(numbers).cast(pa.string())])
    return Addresses(location, _referrers(day, location), order_id, click, click_ids, texts)


def _referrers(day: Day, location: Ints) -> Ints:
    """The page before; at a landing what the origin shows; after paying elsewhere, the payment provider."""
    pages = day.pages
    salt = day.visits.salt[pages.visit]
    referrer = np.concatenate([[-1], location[:-1]])
    referrer = np.where(pages.landed >= 0, _REFERRER[pages.landed], referrer)
    # A tab that stayed open: a new session that comes from the shop itself.
    reopened = (pages.landed == DIRECT) & (roll(salt, 2500) < 0.3)
    referrer = np.where(reopened, np.where(roll(salt, 2501) < 0.5, CART, HOME), referrer)
    paid_elsewhere = (pages.page == THANKS) & (roll(salt, 2502) < 0.45)
    referrer = np.where(paid_elsewhere, _PAYMENT[pick(salt, 2503, len(_PAYMENT))], referrer)
    return np.where(pages.page >= 0, referrer, -1)
