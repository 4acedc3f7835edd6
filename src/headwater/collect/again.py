"""An original that a door has refused, read again as that door reads it now."""

from urllib.parse import parse_qs, urlsplit

from headwater.collect import canonical_events, gtag, mp
from headwater.collect.answers import Refused
from headwater.collect.canon import MICROSECONDS, Receipt, refused
from headwater.collect.json_parts import NotJson
from headwater.event import MALFORMED_JSON, Refusal
from headwater.journal.arrival import Arrival
from headwater.settings import Settings


def read_again(settings: Settings, origin: str, original: bytes, received_at: int) -> list[Arrival] | None:
    """None where the origin is no door. An event is as old as it was when it first came."""
    place = urlsplit(origin)
    if place.path not in (canonical_events.PATH, mp.PATH, gtag.PATH):
        return None
    max_age = settings.stream.max_event_age_hours * 3600 * MICROSECONDS
    receipt = Receipt(origin, received_at, max_age, settings.collect.redact_emails)
    stream = next((values[0] for values in parse_qs(place.query).values()), None)
    try:
        if place.path == gtag.PATH:
            query, _, line = original.partition(b"\n")
            return gtag.arrivals_of(query, line, receipt)
        if place.path == mp.PATH:
            return mp.arrivals_of(original, stream or "default", receipt)
        return canonical_events.arrivals_of(original, stream, receipt)
    except (Refused, NotJson) as error:
        return [refused(Refusal(MALFORMED_JSON, str(error)), receipt, original=original, position=1)]
