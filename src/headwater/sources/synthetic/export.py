"""One day's file in the shape of the GA4 BigQuery export (2024 and later), nested as it is there."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.sources.synthetic import visitor
from headwater.sources.synthetic.addresses import TITLE, Addresses, addresses, collected, place
from headwater.sources.synthetic.columns import Texts, lists, nested, nulls, number, referring, text_leaves
from headwater.sources.synthetic.commerce import Commerce, commerce
from headwater.sources.synthetic.dice import Bools, Ints, pick, salted
from headwater.sources.synthetic.orders import Orders
from headwater.sources.synthetic.origins import ORIGINS
from headwater.sources.synthetic.params import REAL, TEXT, WHOLE, Params
from headwater.sources.synthetic.people import People
from headwater.sources.synthetic.rhythm import DAY
from headwater.sources.synthetic.script import (
    ENGAGEMENT,
    EVENT_NAMES,
    LAST_OF_FIRST_BATCH,
    LOGIN,
    PAGE_VIEW,
    SCROLL,
    Day,
)
from headwater.sources.synthetic.shop import CURRENCY, STREAM_ID

_NAMES = Texts(EVENT_NAMES)
_COLLECTED = {
    field: Texts(collected(field))
    for field in ("manual_campaign_name", "manual_source", "manual_medium", "manual_content")
}
_IS_COLLECTED = np.array([bool(origin.collected) for origin in ORIGINS])
_IS_MANUAL = np.array(["manual_source" in origin.collected for origin in ORIGINS])
_SAID = {
    param: np.array([-1 if text is None else place(text) for text in collected(field)])
    for param, field in (
        ("source", "manual_source"),
        ("medium", "manual_medium"),
        ("campaign", "manual_campaign_name"),
        ("content", "manual_content"),
    )
}
_USER_PROPERTY = pa.struct(
    {
        "key": pa.string(),
        "value": pa.struct(
            {
                "string_value": pa.string(),
                "int_value": pa.int64(),
                "float_value": pa.float64(),
                "double_value": pa.float64(),
                "set_timestamp_micros": pa.int64(),
            }
        ),
    }
)


def write_day(path: Path, day: Day, orders: Orders, people: People) -> int:
    """Writes the file, and says how many rows it has."""
    table = day_table(day, orders, people)
    # Readers get plain strings (store_schema). Only text repeats enough to be worth a dictionary.
    pq.write_table(
        table,
        path,
        compression="snappy",
        use_dictionary=text_leaves(table.schema),
        store_schema=False,
        write_statistics=False,
    )
    return int(table.num_rows)


def day_table(day: Day, orders: Orders, people: People) -> pa.Table:
    pages, visits, event, at = day.pages, day.visits, day.event, day.at
    visit = pages.visit[day.page]
    on_page = pages.page[day.page] >= 0
    known = addresses(day, orders)
    money = commerce(day, orders, known)
    first_batch = event <= LAST_OF_FIRST_BATCH
    index_in_batch = np.where(first_batch, event + 1, event - LAST_OF_FIRST_BATCH)

    def of_visits(column: pa.Array) -> pa.Array:
        return column.take(pa.array(visit))

    return pa.table(
        {
            "event_date": _dates(at),
            "event_timestamp": number(at),
            "event_name": _NAMES.column(event),
            "event_params": _params(day, known, money),
            "event_value_in_usd": number(money.cents / 100, money.buys),
            "event_bundle_sequence_id": number(
                (salted(visits.salt[visit], 60) >> np.uint64(33)).astype(np.int64)
            ),
            "user_id": referring(*visitor.user_ids(day)),
            "user_pseudo_id": of_visits(visitor.user_pseudo_ids(visits)),
            "privacy_info": of_visits(visitor.privacy_info(visits)),
            "user_properties": lists(np.zeros(len(event), np.int64), nulls(0, _USER_PROPERTY)),
            "user_first_touch_timestamp": of_visits(number(visits.first_touch, ~visits.nameless)),
            "device": of_visits(visitor.device(visits, people)),
            "geo": of_visits(visitor.geo(visits, people)),
            "traffic_source": of_visits(visitor.traffic_source(visits)),
            "stream_id": _constant(STREAM_ID, len(event)),
            "platform": _constant("WEB", len(event)),
            "ecommerce": money.ecommerce,
            "items": money.items,
            "collected_traffic_source": _collected_traffic_source(day, known),
            "is_active_user": pa.array(on_page),
            "batch_event_index": number(index_in_batch, on_page),
            "batch_page_id": number(pages.start[day.page] // 1000, on_page),
            "batch_ordering_id": number(np.where(first_batch, 1, 2), on_page),
            "session_traffic_source_last_click": of_visits(visitor.last_click(visits)),
        }
    )


def _params(day: Day, known: Addresses, money: Commerce) -> pa.Array:
    pages, visits, page, event = day.pages, day.visits, day.page, day.event
    visit, nth = pages.visit[page], pages.nth[page]
    landed = pages.landed[page]
    params = Params(known.texts)

    def text(key: str, index: Ints, where: Bools | bool = True) -> None:
        params.say(key, TEXT, index, (index >= 0) & where)

    def whole(key: str, values: Ints, where: Bools) -> None:
        params.say(key, WHOLE, values, where)

    on_page = pages.page[page] >= 0
    engaged = on_page & ((nth > 0) | (event >= SCROLL))
    spent = event >= SCROLL
    whole("ga_session_id", visits.session_id[visit], np.ones(len(event), np.bool_))
    whole("ga_session_number", visits.number[visit], ~visits.nameless[visit])
    text("page_location", known.location[page])
    text("page_title", TITLE[pages.page[page]])
    text("page_referrer", known.referrer[page])
    text("session_engaged", np.where(engaged, place("1"), place("0")), on_page)
    whole("engagement_time_msec", 100 + pick(visits.salt[visit], 70 + nth + event, 60_000), spent & on_page)
    whole("entrances", np.ones(len(event), np.int64), (event == PAGE_VIEW) & (nth == 0))
    tagged = (event <= LAST_OF_FIRST_BATCH) & (landed >= 0) & _IS_MANUAL[landed]
    for key, said in _SAID.items():
        text(key, said[landed], tagged)
    whole("percent_scrolled", np.full(len(event), 90), event == SCROLL)
    text("method", np.full(len(event), place("password")), event == LOGIN)
    text("transaction_id", money.order_id)
    text("currency", np.full(len(event), place(CURRENCY)), money.has_value | money.refunds)
    params.say("value", REAL, money.cents / 100, money.has_value)
    whole("engaged_session_event", np.ones(len(event), np.int64), engaged & (event <= ENGAGEMENT))
    return params.column()


def _collected_traffic_source(day: Day, known: Addresses) -> pa.Array:
    """Only the first batch of a landing page carries it."""
    landed = day.pages.landed[day.page]
    here = (day.event <= LAST_OF_FIRST_BATCH) & (landed >= 0) & _IS_COLLECTED[landed]
    origin = np.where(here, landed, -1)
    click = known.click[day.page]
    count = len(origin)

    def click_id(name: str) -> pa.Array:
        carries = np.array([name in origin.collected for origin in ORIGINS])
        return referring(np.where(here & carries[origin], click, -1), known.click_ids)

    return nested(
        {
            "manual_campaign_id": nulls(count, pa.string()),
            **{
                field: texts.column(origin)
                for field, texts in _COLLECTED.items()
                if field != "manual_content"
            },
            "manual_term": nulls(count, pa.string()),
            "manual_content": _COLLECTED["manual_content"].column(origin),
            "gclid": click_id("gclid"),
            "dclid": nulls(count, pa.string()),
            "srsltid": click_id("srsltid"),
        },
        known=here,
    )


def _dates(at: Ints) -> pa.Array:
    days, which = np.unique(at // DAY, return_inverse=True)
    texts = pc.strftime(pa.array(days.astype("datetime64[D]")), "%Y%m%d")
    return referring(which, texts)


def _constant(text: str, count: int) -> pa.Array:
    return referring(np.zeros(count, np.int64), pa.array([text]))
