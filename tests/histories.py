"""Drawn histories: small worlds in which everything that can collide does so often.

A history first draws its world, a few instants, persons and sources, and then its events out of that: equal
timestamps, shared transactions, exact timeouts and the edges of days and lookbacks come up in most examples.
Whatever is drawn shrinks to plain: one device, one instant, the defaults."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]


@dataclass(frozen=True)
class History:
    """`batches` are the same events in the same order, as they arrive in several loads. In a batch, streamed
    rows come last: to load the others and then to stream these keeps the order of arrival."""

    events: list[Row]
    batches: list[list[Row]]
    settings: Row


# --- Instants -----------------------------------------------------------------------------------------------

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
MIDNIGHTS = [  # one in UTC, one in Tokyo, one in New York
    datetime(2026, 5, 11, tzinfo=UTC),
    datetime(2026, 5, 10, 15, tzinfo=UTC),
    datetime(2026, 5, 11, 4, tzinfo=UTC),
]
LANDMARKS = [
    *(NOON + timedelta(minutes=30 * steps) for steps in (0, 1, 2, -1, -2)),
    *(NOON + timedelta(minutes=minutes) for minutes in (5, 10, -5)),
    *(NOON - timedelta(days=days) for days in (1, 2, 7, 14, 30)),
    *MIDNIGHTS,
    *(midnight - timedelta(minutes=30) for midnight in MIDNIGHTS),
]
INSTANTS = [
    (landmark + timedelta(microseconds=off)).isoformat(timespec="microseconds")
    for off in (0, 1, -1)
    for landmark in LANDMARKS
]

# --- What one event says ------------------------------------------------------------------------------------

PAGE = "https://shop.example.com/"
UTM = "utm_source=newsletter&utm_medium=email&utm_campaign=june"
SAYINGS: list[Row] = [
    {},
    {"page_location": PAGE},
    # blocks
    {"source": "google", "medium": "cpc", "campaign": "brand"},
    {"source": " Google", "medium": "CPC ", "campaign": "generic"},
    {"source": "facebook", "medium": "paid_social", "campaign": "spring"},
    {"source": "newsletter", "medium": "email", "campaign": "june"},
    {"source": "google", "medium": "organic"},
    {"source": "(not set)", "medium": "(data deleted)", "campaign": ""},
    {"campaign": "spring"},
    {"campaign": "(organic)", "page_location": PAGE, "page_referrer": "https://www.google.co.uk/"},
    {"params": {"source": "newsletter", "medium": "email", "campaign": "june"}},
    {"source": "google", "medium": "cpc", "page_location": f"{PAGE}?{UTM}"},
    # addresses
    {"page_location": f"{PAGE}?{UTM}"},
    {"page_location": f"{PAGE}?{UTM}", "page_referrer": "https://webmail.example.net/"},
    {"page_location": f"{PAGE}?utm_source=News+Letter&utm_medium=E%2DMail&utm_campaign=%C3%9Cber"},
    # click ids
    {"source": "google", "medium": "organic", "campaign": "(organic)", "gclid": "Cj0K"},
    {"source": "partner.example.org", "medium": "referral", "campaign": "(referral)", "gclid": "Cj0K"},
    {"source": "(direct)", "medium": "(none)", "gclid": "Cj0K"},
    {"source": "(direct)", "medium": "(none)", "campaign": "spring", "gclid": "Cj0K"},
    {"page_location": f"{PAGE}?gclid=Cj0K", "page_referrer": "https://www.google.com/"},
    {"page_location": f"{PAGE}?wbraid=ClkK"},
    {"page_location": f"{PAGE}?msclkid=8a1&{UTM}"},
    {"page_location": PAGE, "msclkid": "8a1", "page_referrer": "https://www.bing.com/"},
    {"page_location": f"{PAGE}?fbclid=IwAR", "page_referrer": "https://l.facebook.com/"},
    {"params": {"ttclid": "E.C.P"}},
    {"srsltid": "AfmB"},
    # referrers
    {"page_location": PAGE, "page_referrer": "https://www.google.com/"},
    {"page_location": PAGE, "page_referrer": "https://mail.google.com/mail/u/0/"},
    {"page_location": PAGE, "page_referrer": "https://gemini.google.com/app"},
    {"page_location": PAGE, "page_referrer": "https://blog.partner.co.uk/post"},
    {"page_location": PAGE, "page_referrer": "https://booking.example.org/"},
    {"page_location": PAGE, "page_referrer": "android-app://com.google.android.gm/"},
    {"page_referrer": "https://partner.co.uk/"},
    # nothing after all
    {"source": "(direct)", "medium": "(none)", "campaign": "(direct)"},
    {"page_location": PAGE, "page_referrer": "https://www.example.com/blog"},
    {"page_location": PAGE, "page_referrer": "https://www.paypal.com/checkout"},
    {"page_location": PAGE, "source": "blog.example.com", "medium": "referral"},
]
FIRST_USERS: list[Row] = [
    {},
    {"first_user_source": "google", "first_user_medium": "cpc", "first_user_campaign": "brand"},
    {"first_user_source": "Newsletter", "first_user_medium": "Email"},
    {"first_user_source": "(direct)", "first_user_medium": "(none)"},
    {"first_user_campaign": "(referral)"},
    {"first_user_source": "www.example.com", "first_user_medium": "referral", "page_location": PAGE},
]

# --- Who, where and what ------------------------------------------------------------------------------------

DEVICES = ["d1", "d2", "D3", "d4"]
USERS = ["u1", "U2", "ü3"]  # ordered by bytes, not by a language
WHO: list[Row] = [
    *({"user_pseudo_id": device} for device in DEVICES),
    *({"user_pseudo_id": device, "user_id": "u1"} for device in DEVICES),
    *({"user_pseudo_id": device, "user_id": user} for device in ("d1", "d2") for user in USERS),
    *({"user_id": user} for user in USERS),
    {},  # only a ga_session_id, or nobody at all
]
WHERE_FROM: list[Row] = [  # a measurement id is only ever streamed, and never a file's
    {},
    {"stream_id": "123"},
    {"source_kind": "export_daily", "stream_id": "123"},
    {"source_kind": "export_intraday", "stream_id": "123"},
    {"source_kind": "stream", "stream_id": "G-1"},
    {"source_kind": "stream", "stream_id": "123"},
    {"source_kind": "stream"},
    {"source_kind": "export_daily"},
]
NAMES = ["page_view", "purchase", "purchase", "add_to_cart", "refund", "scroll"]
VALUES = ["10.00", "0.01", "33.33", None, "0", "-5.00", "NaN", 7, "0.000001"]
TRANSACTIONS = [None, "t1", "t2", "", "(not set)"]
BATCH_NUMBERS = st.sampled_from([None, 0, 1, 2])
ID_STARTS = "mB_aZéc9"  # so that the order of the ids is neither that of arrival nor that of a language


@dataclass(frozen=True)
class World:
    """The few things that one history is made of."""

    instants: list[str]
    sayings: list[Row]
    who: list[Row]
    where_from: list[Row]
    currency: str | None


def few(pool: list[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(range(len(pool))), min_size=1, max_size=most, unique=True).map(
        lambda chosen: [pool[position] for position in chosen]
    )


WORLDS = st.builds(
    World,
    instants=few(INSTANTS, 6),
    sayings=few(SAYINGS, 5),
    who=few(WHO, 8),
    where_from=st.just([{}]) | few(WHERE_FROM, 4),
    currency=st.sampled_from([None, "EUR"]),
)


@st.composite
def events(draw: st.DrawFn, position: int, world: World) -> Row:
    """One event with an id of its own."""
    event: Row = {
        "event_id": f"{ID_STARTS[position % len(ID_STARTS)]}{position}",
        "event_name": draw(st.sampled_from(NAMES)),
        "event_timestamp": draw(st.sampled_from(world.instants)),
        "ga_session_id": draw(st.sampled_from([1, None, 2, "3"])),
        **draw(st.sampled_from(FIRST_USERS)),
        **draw(st.sampled_from(world.sayings)),
        **draw(st.sampled_from(world.who)),
        **draw(st.sampled_from(world.where_from)),
    }
    if draw(st.booleans()):
        for name in ("batch_page_id", "batch_ordering_id", "batch_event_index"):
            event[name] = draw(BATCH_NUMBERS)
    if event["event_name"] in ("purchase", "add_to_cart", "refund"):
        event["value"] = draw(st.sampled_from(VALUES))
        event["transaction_id"] = draw(st.sampled_from(TRANSACTIONS))
        event["currency"] = world.currency
    return event


@st.composite
def repeats(draw: st.DrawFn, original: Row, world: World) -> Row:
    """The same event once more: as it was, with another payload, or from another kind of source."""
    again = dict(original)
    kinds_are_mixed = world.where_from != [{}]
    change = draw(st.sampled_from(["none", "payload", *(["kind"] if kinds_are_mixed else [])]))
    if change == "payload":
        again["value"] = "77.00"
    if change == "kind":
        if again.get("stream_id") == "G-1":
            again["source_kind"] = draw(st.sampled_from(["export_daily", "export_intraday"]))
            again["stream_id"] = "123"
        else:
            kinds = ["export_daily", "export_intraday", "stream", "file"]
            again["source_kind"] = draw(st.sampled_from(kinds))
    return again


# --- Settings -----------------------------------------------------------------------------------------------

MODELS = ["first_click", "last_click", "linear", "position_based", "time_decay"]


def any_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def subsets(least: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(MODELS), min_size=least, unique=True)


SETTINGS: st.SearchStrategy[Row] = st.fixed_dictionaries(
    {},
    optional={
        "timezone": any_of("Asia/Tokyo", "America/New_York"),
        "attribution.lookback_days": any_of(1, 30),
        "attribution.session_timeout_minutes": any_of(5),
        "attribution.conversion_events": any_of(["purchase", "add_to_cart"], ["add_to_cart"]),
        "attribution.models": subsets(1),
        "attribution.ignore_direct": subsets(0),
        "attribution.half_life_days": any_of(0.5),
        "attribution.identity": any_of("device"),
        "attribution.collapse_same_channel_day": any_of(False),
        "attribution.channel_group": any_of("simple"),
        "attribution.internal_domains": any_of(["example.org"], ["partner.co.uk", "newsletter"]),
        "attribution.ignored_referrers": any_of([], ["google.com"]),
        "streams": any_of({"G-1": "123"}),
        "stream.supersede_streamed": any_of(False),
        "channel_rules": any_of(
            [
                {
                    "channel": "Launch",
                    "campaign": "spring.*",
                    "valid_from": "2026-05-10",
                    "valid_to": "2026-05-10",
                }
            ],
            [{"channel": "Launch", "source": "GOOGLE|.*[.]COM", "valid_from": "2026-05-10"}],
        ),
    },
)


# --- The whole history --------------------------------------------------------------------------------------


def is_plainest(drawn: list[History]) -> bool:
    """What Hypothesis always begins with, one plain event in each, and no example of anything."""
    return all(len(one.events) == 1 for one in drawn)


@st.composite
def histories(draw: st.DrawFn, most_events: int = 14) -> History:
    world = draw(WORLDS)
    originals = [draw(events(position, world)) for position in range(draw(st.integers(1, most_events)))]
    arriving = list(originals)
    for original in draw(st.lists(st.sampled_from(originals), max_size=3)):
        arriving.insert(draw(st.integers(0, len(arriving))), draw(repeats(original, world)))
    cuts = sorted(draw(st.lists(st.integers(1, len(arriving)), max_size=3, unique=True)))
    parts = [arriving[start:end] for start, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]
    batches = [sorted(part, key=is_streamed) for part in parts if part]
    return History([event for batch in batches for event in batch], batches, draw(SETTINGS))


def is_streamed(event: Row) -> bool:
    return event.get("source_kind") == "stream"
