"""The shop that the events come from: its pages, its products, its prices in cents."""

import numpy as np

SITE = "https://www.rivermill.example"
STREAM_ID = "3141592653"
CURRENCY = "USD"

_CATEGORIES = [
    "Teapots", "Mugs", "Kettles", "Lamps", "Blankets", "Cushions",
    "Baskets", "Notebooks", "Candles", "Aprons", "Vases", "Rugs",
]  # fmt: skip
_SERIES = [
    "Alder", "Birch", "Clover", "Dune", "Ember", "Fern", "Granite", "Harbour",
    "Iris", "Juniper", "Kelp", "Linden", "Moss", "North", "Osier", "Pebble",
]  # fmt: skip

PRODUCTS = [(series, category) for category in _CATEGORIES for series in _SERIES]
ITEM_IDS = [f"RM{1000 + number}" for number in range(len(PRODUCTS))]
ITEM_NAMES = [f"{series} {category.removesuffix('s')}" for series, category in PRODUCTS]
ITEM_CATEGORIES = [category for _, category in PRODUCTS]
# From 3.49 to about 220.00, most of them low, with cents.
PRICES = np.array(
    [349 + (n * n * 37) % 1800 + (n % 16) ** 3 * 6 for n in range(len(PRODUCTS))], dtype=np.int64
)

HOME = 0
FIRST_CATEGORY = 1
FIRST_PRODUCT = FIRST_CATEGORY + len(_CATEGORIES)
CART = FIRST_PRODUCT + len(PRODUCTS)
CHECKOUT, THANKS, ACCOUNT = CART + 1, CART + 2, CART + 3

PAGES = [
    f"{SITE}/",
    *(f"{SITE}/{category.lower()}" for category in _CATEGORIES),
    *(f"{SITE}/{category.lower()}/{series.lower()}" for series, category in PRODUCTS),
    f"{SITE}/cart",
    f"{SITE}/checkout",
    f"{SITE}/checkout/thank-you",
    f"{SITE}/account",
]
TITLES = [
    "Rivermill: things for quiet rooms",
    *(f"{category} | Rivermill" for category in _CATEGORIES),
    *(f"{name} | Rivermill" for name in ITEM_NAMES),
    "Your cart | Rivermill",
    "Checkout | Rivermill",
    "Thank you | Rivermill",
    "Your account | Rivermill",
]
PAYMENT_PAGES = ["https://www.paypal.com/", "https://checkout.stripe.com/"]
