"""Canonical events: POST /v1/events takes NDJSON or a JSON array, and answers for each event."""

import json
from collections.abc import Callable, Iterator

from litestar.handlers import ASGIRouteHandler
from litestar.response.base import ASGIResponse

from headwater.collect import answers, json_parts, never_kept, privacy
from headwater.collect.answers import Refused
from headwater.collect.canon import Loose, Receipt, arrival, refused
from headwater.collect.door import Door, Visit, secret_in_headers
from headwater.collect.json_parts import NotJson
from headwater.collect.keys import EVERY_STREAM
from headwater.event import MALFORMED_JSON, Refusal, canonical_json
from headwater.journal.arrival import Arrival

PATH = "/v1/events"
MOST_EVENTS = 10_000


def routes(door: Door) -> list[ASGIRouteHandler]:
    async def take(visit: Visit) -> ASGIResponse:
        named = visit.query.get("stream")
        key = door.admit(secret_in_headers(visit), named)
        body = await door.body(visit)
        stream = named or (key.stream if key and key.stream != EVERY_STREAM else None)
        receipt = door.receipt(visit, f"{PATH}?stream={stream}" if stream else PATH)
        arrivals = arrivals_of(body, stream, receipt, lambda named: door.check_stream(key, named))
        outcomes = await door.keep(arrivals, receipt)
        report = answers.report(arrivals, outcomes)
        return answers.answer(answers.status_of(report), report, visit.answer_headers)

    return [door.route(PATH, "v1", ("POST",), take)]


def _events(body: bytes) -> list[bytes]:
    """Each event's own bytes."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        raise Refused("malformed", "The body is empty: send events as NDJSON or as a JSON array.")
    if text[:1] == b"[":
        events = _elements(text)
    else:
        events = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
        if len(events) > 1 and _is_one_object(text):
            events = [text]
    if not events:
        raise Refused("malformed", "The body holds no event: send events as NDJSON or as a JSON array.")
    if len(events) > MOST_EVENTS:
        raise Refused(
            "too_many_events",
            f"A request may hold {MOST_EVENTS:,} events, and this one holds {len(events):,}: send several.",
        )
    return [event.rstrip(b"\r") for event in events]


def _elements(text: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in json_parts.elements_of(text)]
    except NotJson:
        try:
            return list(_elements_slowly(text.decode()))
        except (ValueError, RecursionError):
            raise Refused(
                "malformed", "The body begins as a JSON array and is none: check its brackets and commas."
            ) from None


def _elements_slowly(text: str) -> Iterator[bytes]:
    """The elements of an array that strict JSON has no words for, such as NaN."""
    decoder = json.JSONDecoder()
    place = 1
    while True:
        place = _behind_space(text, place)
        if text[place] == "]" and not text[place + 1 :].strip():
            return
        _, end = decoder.raw_decode(text, place)
        yield text[place:end].encode()
        place = _behind_space(text, end)
        if text[place] == ",":
            place += 1
        elif text[place] != "]":
            raise ValueError


def _behind_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    if place == len(text):
        raise ValueError
    return place


def _is_one_object(text: bytes) -> bool:
    """Whether the lines are one object, written over several of them."""
    if text.split(b"\n", 1)[0].rstrip().endswith(b"}"):
        return False
    try:
        json_parts.object_of(text)
    except NotJson:
        return False
    return True


def arrivals_of(
    body: bytes, stream: str | None, receipt: Receipt, check_stream: Callable[[str], None] = lambda _: None
) -> list[Arrival]:
    events = _events(body)
    arrivals = []
    for position, raw in enumerate(events, start=1):
        try:
            loose = json_parts.object_of(raw)
        except NotJson as error:
            reason = Refusal(MALFORMED_JSON, str(error))
            arrivals.append(refused(reason, receipt, original=raw, position=position))
            continue
        if stream and loose.get("stream_id") in (None, ""):
            loose["stream_id"] = stream
        check_stream(str(loose.get("stream_id") or "default"))
        if json_parts.is_cut(loose.get("value")):
            loose["value"] = json_parts.with_all_digits(raw)["value"]
        _note_device(loose)
        original = _as_kept(loose, raw) if type(loose.get("params")) is str else raw
        # An event with an id of its own is the same in whichever request it comes; the others are known by their place.
        is_named = loose.get("event_id") not in (None, "")
        if len(events) > 1 and not is_named and loose.get("batch_event_index") in (None, ""):
            loose["batch_event_index"] = position
        consent = privacy.consent_in_words(loose.get("consent"))
        arrivals.append(arrival(loose, receipt, original=original, position=position, consent=consent))
    return arrivals


def _note_device(loose: Loose) -> None:
    """Of the user agents that the event tells of, the class of the device alone is kept."""
    params = loose.get("params")
    for place in (loose, params) if type(params) is dict else (loose,):
        user_agent = place.get("user_agent")
        if type(user_agent) is str:
            category, is_bot = privacy.device(user_agent)
            loose |= {"device_category": category} if category else {}
            loose |= {"is_bot": 1} if is_bot else {}


def _as_kept(loose: Loose, raw: bytes) -> bytes:
    """The original of an event whose params are JSON in a text; they are read if they hold what is never kept."""
    try:
        params = json.loads(loose["params"])
        if not never_kept.holds_any([params]):
            return raw
    except (ValueError, RecursionError):
        return raw
    loose["params"] = never_kept.without(params)
    return canonical_json(loose).encode(errors="backslashreplace")
