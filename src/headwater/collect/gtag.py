"""Hits of Google's own tag: GET and POST /g/collect."""

import re
from typing import Any, Final

from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers, privacy
from headwater.collect.answers import Refused
from headwater.collect.canon import Loose, Receipt, arrival
from headwater.collect.door import Door, Visit, parameters
from headwater.journal.arrival import Arrival

PATH = "/g/collect"
MOST_EVENTS = 100

# What differs from one sending of a hit to the next.
TRANSPORT: Final = ("_z", "tfd")

# What tells of the person's machine or address (client hints), or is a secret: read, if at all, never kept.
_NEVER_KEPT = frozenset(
    (
        "uaa",
        "uab",
        "uafvl",
        "uamb",
        "uam",
        "uap",
        "uapv",
        "uaw",
        "ua",
        "uip",
        "_uip",
        "api_secret",
        "v",
        "em",
        "ecid",
    )
)
_NOT_IN_ORIGINALS = _NEVER_KEPT - {"v"}
_COLUMNS = {
    "tid": "stream_id",
    "cid": "user_pseudo_id",
    "uid": "user_id",
    "sid": "ga_session_id",
    "sct": "ga_session_number",
    "dl": "page_location",
    "dr": "page_referrer",
    "en": "event_name",
    "cu": "currency",
    "_p": "batch_page_id",
    "_s": "batch_ordering_id",
    "epn.value": "value",
    "ep.value": "value",
    "ep.currency": "currency",
    "ep.transaction_id": "transaction_id",
    "epn.transaction_id": "transaction_id",
}
_PARAMS = {
    "dt": "page_title",
    "seg": "session_engaged",
    "_et": "engagement_time_msec",
    "ul": "language",
    "sr": "screen_resolution",
}
_ITEM = re.compile(r"pr[0-9]{1,3}")
_ITEM_FIELDS = {
    "id": "item_id",
    "nm": "item_name",
    "br": "item_brand",
    "ca": "item_category",
    "c2": "item_category2",
    "c3": "item_category3",
    "c4": "item_category4",
    "c5": "item_category5",
    "va": "item_variant",
    "pr": "price",
    "qt": "quantity",
    "cp": "coupon",
    "ds": "discount",
    "af": "affiliation",
    "lp": "index",
    "li": "item_list_id",
    "ln": "item_list_name",
    "lo": "location_id",
    "pi": "promotion_id",
    "pn": "promotion_name",
    "cn": "creative_name",
    "cs": "creative_slot",
}
_ITEM_NUMBERS = frozenset(("price", "quantity", "discount", "index"))
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def routes(door: Door) -> list[ASGIRouteHandler]:
    async def take(visit: Visit) -> ASGIResponse:
        if visit.query.get("v") != "2":
            raise Refused("malformed", "This is no hit of a GA4 tag: it has no v=2.")
        stream = visit.query.get("tid")
        if not stream:
            raise Refused("malformed", "The hit names no stream: it has no tid.")
        door.admit_tag(stream)
        body = await door.body(visit)
        receipt = door.receipt(visit, PATH)
        arrivals = arrivals_of(visit.raw_query, body, receipt)
        await door.keep(arrivals, receipt)
        return answers.nothing(visit.answer_headers)

    return [door.route(PATH, "gtag", ("GET", "POST"), take)]


def arrivals_of(raw_query: bytes, body: bytes, receipt: Receipt) -> list[Arrival]:
    """A hit's events: one for each line of the body, or the one that the query holds."""
    shared = parameters(raw_query)
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > MOST_EVENTS:
        raise Refused(
            "too_many_events",
            f"A hit may hold {MOST_EVENTS} events, and this one holds {len(lines)}: send several.",
        )
    query = _without_secrets(raw_query)
    originals = [b"%b\n%b" % (query, _without_secrets(line)) for line in lines] or [query]
    own = [parameters(line) for line in lines] or [{}]
    consent = privacy.consent_of_tag(shared.get("gcs"), shared.get("gcd"))
    arrivals = []
    for position, (line, original) in enumerate(zip(own, originals, strict=True), start=1):
        hit = {name: value for name, value in {**shared, **line}.items() if name not in _NEVER_KEPT}
        hit["tid"] = shared["tid"]
        loose = _loose(hit)
        loose["event_timestamp"] = receipt.received_at
        if len(own) > 1:
            loose["batch_event_index"] = position
        arrivals.append(
            arrival(
                loose,
                receipt,
                original=original,
                position=position,
                consent=consent,
                has_own_time=False,
                transport=TRANSPORT,
            )
        )
    return arrivals


def _without_secrets(query: bytes) -> bytes:
    """A query as it was sent, but for what is never kept."""
    parts = query.strip().split(b"&")
    return b"&".join(
        part for part in parts if part.partition(b"=")[0].decode("latin-1") not in _NOT_IN_ORIGINALS
    )


def _loose(hit: dict[str, str]) -> Loose:
    loose: Loose = {}
    params: Loose = {}
    user: Loose = {}
    items: list[Loose] = []
    for name, value in hit.items():
        column = _COLUMNS.get(name)
        kind, _, own_name = name.partition(".")
        if column is not None:
            loose.setdefault(column, value)
        elif kind in ("ep", "epn") and own_name:
            params[own_name] = _number(value) if kind == "epn" else value
        elif kind in ("up", "upn") and own_name:
            user[own_name] = {"value": _number(value) if kind == "upn" else value}
        elif _ITEM.fullmatch(name):
            items.append(_item(value))
        else:
            own_name = _PARAMS.get(name, name)
            params.setdefault(own_name, _number(value) if name == "_et" else value)
    if user:
        params["user_properties"] = user
    if items:
        loose["items"] = items
    loose["params"] = params
    return loose


def _number(value: str) -> Any:
    if not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def _item(coded: str) -> Loose:
    """`idSKU~nmName~pr10~k0colour~v0red`: a code of two characters before each value."""
    item: Loose = {}
    keys: dict[str, str] = {}
    for part in coded.split("~"):
        code, value = part[:2], part[2:]
        if code[:1] == "k" and code[1:].isalnum():
            keys[code[1:]] = value
        elif code[:1] == "v" and code[1:] in keys:
            item[keys[code[1:]]] = value
        else:
            name = _ITEM_FIELDS.get(code, code)
            item[name] = _number(value) if name in _ITEM_NUMBERS else value
    return item
