"""Hits of Google's own tag: GET and POST /g/collect."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers, never_kept, privacy
from headwater.collect.answers import Refused
from headwater.collect.canon import Loose, Receipt, arrival
from headwater.collect.door import Door, Visit, parameters
from headwater.collect.session import session_of
from headwater.collect.tag_items import item_of, number_of
from headwater.journal.arrival import Arrival

PATH = "/g/collect"
MOST_EVENTS = 100

# What differs from one sending of a hit to the next.
TRANSPORT: Final = ("_z", "tfd")

# What tells of the person's machine or address (client hints), or is a secret: read, if at all, never kept.
_HINTS = ("uaa", "uab", "uafvl", "uamb", "uam", "uap", "uapv", "uaw", "_uip", "api_secret", "em", "ecid")
_NEVER_KEPT = frozenset((*_HINTS, "v", *never_kept.NAMES))
_NOT_IN_ORIGINALS = frozenset(
    (*_HINTS, *(f"{of}{name}" for name in never_kept.NAMES for of in ("", "ep.", "epn.", "up.", "upn.")))
)
_COLUMNS = {
    "tid": "stream_id",
    "cid": "user_pseudo_id",
    "uid": "user_id",
    "sid": "ga_session_id",
    "sct": "ga_session_number",
    "dl": "page_location",
    "dr": "page_referrer",
    "en": "event_name",
    "cs": "source",
    "cm": "medium",
    "cn": "campaign",
    "ck": "term",
    "cc": "content",
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
    "ci": "campaign_id",
    "ir": "ignore_referrer",
}
_ITEM = re.compile(r"pr[0-9]{1,3}")


def routes(door: Door) -> list[ASGIRouteHandler]:
    async def take(visit: Visit) -> ASGIResponse:
        if visit.query.get("v") != "2":
            raise Refused("malformed", "This is no hit of a GA4 tag: it has no v=2.")
        stream = visit.query.get("tid")
        if not stream:
            raise Refused("malformed", "The hit names no stream: it has no tid.")
        door.admit_tag(stream)
        body = await door.body(visit)
        receipt = door.receipt(visit, PATH, visit.header(b"user-agent") or "")
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
    query = _without_secrets(raw_query, shared)
    arrivals = []
    for position, raw in enumerate(lines or [b""], start=1):
        line = parameters(raw)
        original = b"%b\n%b" % (query, _without_secrets(raw, line)) if lines else query
        hit = {name: value for name, value in {**shared, **line}.items() if name not in _NEVER_KEPT}
        hit["tid"] = shared["tid"]
        loose = _loose(hit)
        loose["event_timestamp"] = receipt.received_at
        if len(lines) > 1:
            loose["batch_event_index"] = position
        arrivals.append(
            arrival(
                loose,
                receipt,
                original=original,
                position=position,
                consent=privacy.consent_of_tag(hit.get("gcs"), hit.get("gcd")),
                has_own_time=False,
                transport=TRANSPORT,
            )
        )
    return arrivals


def _without_secrets(query: bytes, names: Iterable[str]) -> bytes:
    """A query as it was sent, but for what is never kept."""
    if _NOT_IN_ORIGINALS.isdisjoint(names):
        return query.strip()
    parts = query.strip().split(b"&")
    return b"&".join(part for part in parts if _name_of(part) not in _NOT_IN_ORIGINALS)


def _name_of(part: bytes) -> str:
    return unquote(part.partition(b"=")[0].decode("latin-1"))


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
            params[own_name] = number_of(value) if kind == "epn" else value
        elif kind in ("up", "upn") and own_name:
            user[own_name] = {"value": number_of(value) if kind == "upn" else value}
        elif _ITEM.fullmatch(name):
            items.append(item_of(value))
        else:
            own_name = _PARAMS.get(name, name)
            params.setdefault(own_name, number_of(value) if name == "_et" else value)
    session = loose.pop("ga_session_id", "")
    loose["ga_session_id"] = session_of(session)
    if session and loose["ga_session_id"] is None:  # an event is worth more than its session
        params["sid"] = session
    if params.get("ignore_referrer") in ("1", "true") and "page_referrer" in loose:
        params["page_referrer"] = loose.pop("page_referrer")
    if user:
        params["user_properties"] = user
    if items:
        loose["items"] = items
    loose["params"] = params
    return loose
