"""The money in a day's events: their items, their value, and what the export's ecommerce column says."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from headwater.sources.synthetic.addresses import Addresses, place
from headwater.sources.synthetic.columns import Texts, lists, nested, number, referring_to_some
from headwater.sources.synthetic.dice import Bools, Ints
from headwater.sources.synthetic.orders import (
    EMPTY_ID,
    ID_NOT_SET,
    REFUNDED_WITHOUT_VALUE,
    Orders,
    basket,
)
from headwater.sources.synthetic.script import (
    ADD_TO_CART,
    BEGIN_CHECKOUT,
    PURCHASE,
    PURCHASE_AGAIN,
    REFUND,
    VIEW_ITEM,
    Day,
)
from headwater.sources.synthetic.shop import (
    FIRST_PRODUCT,
    ITEM_CATEGORIES,
    ITEM_IDS,
    ITEM_NAMES,
    PRICES,
)

_IDS, _NAMES, _CATEGORIES = Texts(ITEM_IDS), Texts(ITEM_NAMES), Texts(ITEM_CATEGORIES)
_BRAND = Texts(["Rivermill"])


@dataclass(frozen=True)
class Commerce:
    buys: Bools  # purchase events
    refunds: Bools
    has_order: Bools
    has_value: Bools
    cents: Ints
    order_id: Ints  # of each event: index into the day's texts, or -1
    items: pa.Array
    ecommerce: pa.Array


def commerce(day: Day, orders: Orders, known: Addresses) -> Commerce:
    event, visit = day.event, day.pages.visit[day.page]
    of_one = (event == VIEW_ITEM) | (event == ADD_TO_CART)
    buys = (event == PURCHASE) | (event == PURCHASE_AGAIN)
    refunds = event == REFUND
    of_basket = buys | refunds | (event == BEGIN_CHECKOUT)
    has_order = buys | refunds

    rows = np.flatnonzero(of_basket)
    products, quantities = basket(day.visits.salt[visit[rows]])
    product = np.full((len(event), products.shape[1]), -1)
    quantity = np.zeros(product.shape, np.int64)
    product[rows], quantity[rows] = products, quantities
    product[of_one, 0] = day.pages.page[day.page[of_one]] - FIRST_PRODUCT
    quantity[of_one, 0] = 1

    order = np.where(has_order, day.order[visit], -1)
    cents = (PRICES[product] * quantity).sum(axis=1)
    refund, refund_cents = (_of_orders(column, order) for column in (orders.refund, orders.refund_cents))
    cents = np.where(refunds, refund_cents, cents)
    has_value = of_one | of_basket & ~(refunds & (refund == REFUNDED_WITHOUT_VALUE))
    id_kind = _of_orders(orders.id_kind, order)
    shown = np.select(
        [id_kind == EMPTY_ID, id_kind == ID_NOT_SET], [place(""), place("(not set)")], known.order_id[visit]
    )
    order_id = np.where(has_order, shown, -1)
    dollars = cents / 100
    return Commerce(
        buys=buys,
        refunds=refunds,
        has_order=has_order,
        has_value=has_value,
        cents=cents,
        order_id=order_id,
        items=_items(product, quantity),
        ecommerce=nested(
            {
                "total_item_quantity": number(quantity.sum(axis=1)),
                "purchase_revenue_in_usd": number(dollars, buys),
                "purchase_revenue": number(dollars, buys),
                "refund_value_in_usd": number(dollars, refunds & has_value),
                "refund_value": number(dollars, refunds & has_value),
                "unique_items": number((quantity > 0).sum(axis=1)),
                # GA4 writes (not set) where an event with items has no transaction.
                "transaction_id": referring_to_some(
                    np.where(has_order, order_id, place("(not set)")), known.texts
                ),
            },
            known=of_one | of_basket,
        ),
    )


def _of_orders(column: Ints, order: Ints) -> Ints:
    """The column's value for each order; where there is none (-1), 0."""
    return np.append(column, 0)[order]


def _items(product: Ints, quantity: Ints) -> pa.Array:
    is_line = quantity > 0
    each, many = product[is_line], quantity[is_line]
    price = PRICES[each]
    items = nested(
        {
            "item_id": _IDS.column(each),
            "item_name": _NAMES.column(each),
            "item_brand": _BRAND.column(np.zeros(len(each), np.int64)),
            "item_category": _CATEGORIES.column(each),
            "price_in_usd": number(price / 100),
            "price": number(price / 100),
            "quantity": number(many),
            "item_revenue": number(price * many / 100),
        }
    )
    return lists(is_line.sum(axis=1), items)
