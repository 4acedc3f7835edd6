"""The Measurement Protocol of GA4: /mp/collect takes events, /debug/mp/collect says what is wrong with them."""

from collections.abc import Mapping

import msgspec
from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers, json_parts, never_kept, privacy
from headwater.collect.answers import Refused
from headwater.collect.canon import Loose, Receipt, arrival, refused
from headwater.collect.door import Door, Visit, all_taken
from headwater.collect.json_parts import NotJson
from headwater.collect.mp_debug import validate
from headwater.collect.session import session_of
from headwater.event import CLICK_IDS, MALFORMED_JSON, TRAFFIC, Refusal
from headwater.journal.arrival import Arrival

PATH = "/mp/collect"
MOST_EVENTS = 25

_STREAM_NAMES = ("measurement_id", "firebase_app_id")

_OF_THE_REQUEST = ("client_id", "app_instance_id", "user_id", "timestamp_micros", "events")
_OF_AN_EVENT = ("name", "params", "timestamp_micros")

_COLUMN_OF_PARAM = {
    "session_id": "ga_session_id",
    "session_number": "ga_session_number",
    **{
        name: name
        for name in (
            *("page_location", "page_referrer", "value", "currency", "transaction_id", "items"),
            *("batch_page_id", "batch_ordering_id", "batch_event_index"),
            *(*TRAFFIC, *CLICK_IDS),
        )
    },
}


def routes(door: Door) -> list[ASGIRouteHandler]:
    async def take(visit: Visit) -> ASGIResponse:
        origin, stream = _stream(visit)
        door.admit(visit.query.get("api_secret"), stream)
        body = await door.body(visit)
        shared, events = _opened(body)
        receipt = door.receipt(visit, origin, _user_agent(shared))
        arrivals = _arrivals(shared, events, stream, receipt)
        outcomes = await door.keep(arrivals, receipt)
        if all_taken(outcomes):
            return answers.nothing(visit.answer_headers)
        report = answers.report(arrivals, outcomes)
        return answers.answer(answers.status_of(report), report, visit.answer_headers)

    async def debug(visit: Visit) -> ASGIResponse:
        _, stream = _stream(visit)
        door.admit(visit.query.get("api_secret"), stream)
        messages = validate(await door.body(visit), is_app="firebase_app_id" in visit.query)
        return answers.answer(200, messages, visit.answer_headers)

    return [
        door.route(PATH, "mp", ("POST",), take),
        door.route("/debug/mp/collect", "mp_debug", ("POST",), debug),
    ]


def arrivals_of(body: bytes, stream: str, receipt: Receipt) -> list[Arrival]:
    return _arrivals(*_opened(body), stream, receipt)


def _stream(visit: Visit) -> tuple[str, str]:
    for name in _STREAM_NAMES:
        stream = visit.query.get(name)
        if stream:
            return f"{PATH}?{name}={stream}", stream
    raise Refused(
        "malformed", "The request names no stream: add ?measurement_id=G-… (of an app: firebase_app_id)."
    )


def _opened(body: bytes) -> tuple[dict[str, msgspec.Raw], list[msgspec.Raw]]:
    """What all events share, and the events as they stand."""
    try:
        return _parts(body)
    except NotJson as error:
        raise Refused("malformed", f"The body cannot be taken: {error}.") from None


def _parts(body: bytes) -> tuple[dict[str, msgspec.Raw], list[msgspec.Raw]]:
    shared = json_parts.parts_of(body)
    given = shared.pop("events", None)
    if given is None:
        raise NotJson("it has no events")
    # ga4mp sends a postponed event by itself, without the array.
    events = [given] if bytes(given).lstrip()[:1] == b"{" else json_parts.elements_of(given)
    if not events:
        raise NotJson("it has no events")
    if len(events) > MOST_EVENTS:
        raise Refused(
            "too_many_events",
            f"A request may hold {MOST_EVENTS} events, and this one holds {len(events)}: send several.",
        )
    return shared, events


def _user_agent(shared: Mapping[str, msgspec.Raw]) -> str | None:
    given = shared.get("user_agent")
    agent = json_parts.value_of(given) if given is not None else None
    return agent if isinstance(agent, str) else None


def _arrivals(
    shared: dict[str, msgspec.Raw], events: list[msgspec.Raw], stream: str, receipt: Receipt
) -> list[Arrival]:
    try:
        common = {
            name: json_parts.value_of(raw) for name, raw in shared.items() if name not in never_kept.NAMES
        }
    except NotJson as error:
        raise Refused("malformed", f"The body cannot be taken: {error}.") from None
    consent = privacy.consent_in_words(common.get("consent"))
    base: Loose = {
        "stream_id": stream,
        "user_pseudo_id": common.get("client_id") or common.get("app_instance_id"),
        "user_id": common.get("user_id"),
    }
    others = {
        name: value for name, value in common.items() if name not in _OF_THE_REQUEST and value is not None
    }
    envelope = b"".join(
        b'"%b":%b,' % (name.encode(), bytes(raw))
        for name, raw in shared.items()
        if name not in never_kept.NAMES
    )
    several = len(events) > 1
    arrivals = []
    for position, raw in enumerate(events, start=1):
        original = b'{%b"events":[%b]}' % (envelope, bytes(raw))
        try:
            event = json_parts.object_of(raw)
            params = event.get("params")
            if not isinstance(params, dict | None):
                raise NotJson("params is not a JSON object")
        except NotJson as error:
            reason = Refusal(MALFORMED_JSON, str(error))
            arrivals.append(refused(reason, receipt, original=original, position=position))
            continue
        loose, has_own_time = _loose(event, params or {}, base, others, common, receipt)
        if json_parts.is_cut(loose.get("value")):
            loose["value"] = json_parts.with_all_digits(raw)["params"]["value"]
        if several and loose.get("batch_event_index") is None:
            loose["batch_event_index"] = position
        arrivals.append(
            arrival(
                loose,
                receipt,
                original=original,
                position=position,
                consent=consent,
                has_own_time=has_own_time,
            )
        )
    return arrivals


def _loose(
    event: Loose, params: Loose, base: Loose, others: Loose, common: Loose, receipt: Receipt
) -> tuple[Loose, bool]:
    """One event under canonical names, and whether it or its request says when it was."""
    loose = {**base, "event_name": event.get("name")}
    kept: Loose = dict(others)
    for name, value in params.items():
        column = _COLUMN_OF_PARAM.get(name)
        if column is None:
            kept[name] = value
        else:
            loose[column] = value
    for name, value in event.items():
        if name not in _OF_AN_EVENT and value is not None:
            kept.setdefault(name, value)
    session = loose.get("ga_session_id")
    if type(session) is str:  # one that is no number is refused, and its sender told
        loose["ga_session_id"] = session_of(session) or session
    at = event.get("timestamp_micros") or common.get("timestamp_micros")
    loose["event_timestamp"] = at or receipt.received_at
    loose["params"] = kept
    return loose, bool(at)
