"""The rules in plain, slow Python: the truth that the SQL is compared with.

Written from the rules and docs/attribution.md, not from the models: no step knows how a warehouse does it.
Events are dicts, times are whole microseconds since 1970 until they leave, money is Decimal, shares Fraction.
Read it from the bottom: `compute` is the whole way from the events as they arrived to the credits."""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import tldextract

Row = dict[str, Any]
Block = tuple[str | None, str | None, str | None]  # source, medium, campaign
Site = tuple[str, str]  # category, name
Classify = Callable[[str | None, str | None, str | None, date], str]
KnownSource = Callable[[str], Site | None]

DEFAULTS: Row = {
    "timezone": "UTC",
    "reporting_currency": "",
    "attribution.lookback_days": 14,
    "attribution.session_timeout_minutes": 30,
    "attribution.conversion_events": ["purchase"],
    "attribution.models": ["first_click", "last_click", "linear", "position_based", "time_decay"],
    "attribution.ignore_direct": ["last_click"],
    "attribution.half_life_days": 7.0,
    "attribution.identity": "user",
    "attribution.collapse_same_channel_day": True,
    "attribution.channel_group": "ga4",
    "attribution.internal_domains": [],
    "attribution.ignored_referrers": ["paypal.com", "checkout.stripe.com"],
    "stream.max_event_age_hours": 72,
    "stream.supersede_streamed": True,
    "streams": {},
    "channel_rules": [],
    "exchange_rates": [],
}

GOOGLE_ADS_IDS = ("gclid", "dclid", "gbraid", "wbraid")
CLICK_IDS: dict[str, Block] = {  # in order of priority
    **{name: ("google", "cpc", None) for name in GOOGLE_ADS_IDS},
    "msclkid": ("bing", "cpc", None),
    "ttclid": ("tiktok", "cpc", None),
    "srsltid": ("google", "organic", None),
    "fbclid": ("facebook", "referral", None),
}
WHOLE_NUMBERS = (
    "ga_session_id",
    "ga_session_number",
    "batch_page_id",
    "batch_ordering_id",
    "batch_event_index",
)
TEXTS = (
    "user_pseudo_id",
    "user_id",
    "page_location",
    "page_referrer",
    "source",
    "medium",
    "campaign",
    "term",
    "content",
    *CLICK_IDS,
    "first_user_source",
    "first_user_medium",
    "first_user_campaign",
    "ga4_channel",
    "currency",
    "transaction_id",
)
NOT_IN_PARAMS = {
    "event_id",
    "stream_id",
    "source_kind",
    "event_name",
    "event_timestamp",
    "received_at",
    "value",
    "items",
    "params",
}
NOT_IN_PAYLOAD = {"event_id", "stream_id", "source_kind", "received_at"}

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60 * 1_000_000
DAY = 24 * 60 * MINUTE
SIX_DIGITS = Decimal("0.000001")


@dataclass(frozen=True)
class Truth:
    events: list[Row]  # those that count, in order
    sessions: list[Row]
    touchpoints: list[Row]
    conversions: list[Row]
    journeys: list[Row]
    credits: list[Row]
    refused: list[tuple[Row, str]]
    duplicates: int


# --- Settings -----------------------------------------------------------------------------------------------


def with_defaults(settings: Row) -> Row:
    unknown = settings.keys() - DEFAULTS.keys()
    if unknown:
        raise KeyError(f"no such setting: {', '.join(sorted(unknown))}")
    return DEFAULTS | settings


# --- The canonical event ------------------------------------------------------------------------------------


class Invalid(Exception):  # noqa: N818
    """The reason an event does not count."""


def canonical(arrived: Row, make_id: Callable[[Row], str]) -> Row:
    """The event in its canonical columns, typed; what has no column goes into params."""
    params = arrived.get("params") or {}
    params = dict(json.loads(params) if isinstance(params, str) else params)
    params |= {
        name: arrived[name] for name in arrived if name not in (*NOT_IN_PARAMS, *TEXTS, *WHOLE_NUMBERS)
    }
    event: Row = {
        "stream_id": arrived.get("stream_id") or "default",
        "source_kind": arrived.get("source_kind") or "file",
        "event_name": arrived.get("event_name"),
        "event_timestamp": microseconds(arrived.get("event_timestamp")),
        "value": amount(arrived.get("value")),
        "items": arrived.get("items"),
        "params": params,
        "received_at": None if arrived.get("received_at") is None else microseconds(arrived["received_at"]),
    }
    for name in TEXTS:
        event[name] = None if arrived.get(name) in (None, "") else str(arrived[name])
    for name in WHOLE_NUMBERS:
        event[name] = whole(arrived.get(name))
    for name in ("currency", "transaction_id"):
        event[name] = told(event[name])
    return {"event_id": arrived.get("event_id") or make_id(event), **event}


def microseconds(given: Any) -> int:
    if given in (None, ""):
        raise Invalid("missing_timestamp")
    if isinstance(given, int) or re.fullmatch(r"-?\d+", given):
        return int(given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise Invalid("invalid_timestamp") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def amount(given: Any) -> Decimal:
    if given in (None, ""):
        return Decimal(0)
    try:
        value = Decimal(str(given).strip())
    except InvalidOperation:
        raise Invalid("invalid_number") from None
    return Decimal(0) if value.is_nan() else value.quantize(SIX_DIGITS, ROUND_HALF_UP)


def whole(given: Any) -> int | None:
    if given in (None, ""):
        return None
    if not re.fullmatch(r"[+-]?\d+(\.0*)?", str(given)):
        raise Invalid("invalid_number")
    return int(str(given).partition(".")[0])


def told(given: Any) -> str | None:
    """Trimmed text, or None where it is one of the ways in which GA4 writes nothing."""
    text = str(given).strip() if given is not None else ""
    return None if text.lower() in ("", "(not set)", "(data deleted)") else text


def check(event: Row, now: int, settings: Row) -> None:
    if not event["event_name"]:
        raise Invalid("missing_event_name")
    if event["event_timestamp"] > now + 10 * MINUTE:
        raise Invalid("timestamp_in_future")
    if event["user_pseudo_id"] is None and event["user_id"] is None and event["ga_session_id"] is None:
        raise Invalid("no_identity")
    if event["source_kind"] == "stream" and event["received_at"] is not None:
        age = event["received_at"] - event["event_timestamp"]
        if age > settings["stream.max_event_age_hours"] * 60 * MINUTE:
            raise Invalid("late_event")


def stand_in_id(event: Row) -> str:
    return hashlib.sha256(json.dumps(event, sort_keys=True, default=str).encode()).hexdigest()


# --- What is stored, and which of it counts -----------------------------------------------------------------

REPLACES = {("export_daily", "export_intraday"), ("export_daily", "stream"), ("export_intraday", "stream")}


def store(
    arrivals: Iterable[Row], now: int, make_id: Callable[[Row], str], settings: Row
) -> tuple[list[Row], list[tuple[Row, str]], int]:
    """Each (stream_id, event_id) once; only a kind that replaces the stored ones is stored beside them."""
    stored: dict[tuple[str, str], list[Row]] = {}
    refused: list[tuple[Row, str]] = []
    duplicates = 0
    for arrived in arrivals:
        try:
            event = canonical(arrived, make_id)
            check(event, now, settings)
        except Invalid as reason:
            refused.append((arrived, str(reason)))
            continue
        there = stored.setdefault((event["stream_id"], event["event_id"]), [])
        replaces = all((event["source_kind"], other["source_kind"]) in REPLACES for other in there)
        if replaces and all(event["event_timestamp"] == other["event_timestamp"] for other in there):
            there.append(event)
        elif any(payload(event) == payload(other) for other in there):
            duplicates += 1
        else:
            refused.append((arrived, "id_conflict"))
    return [event for same in stored.values() for event in same], refused, duplicates


def payload(event: Row) -> Row:
    return {name: event[name] for name in event if name not in NOT_IN_PAYLOAD}


def events_that_count(stored: list[Row], settings: Row) -> list[Row]:
    """One day from one source: the daily export before the intraday one, and both before the stream."""
    zone = ZoneInfo(settings["timezone"])
    kinds_of_day: dict[tuple[str, date], set[str]] = {}
    loaded_ids = set()
    for event in stored:
        event["stream_id"] = settings["streams"].get(event["stream_id"], event["stream_id"])
        kinds_of_day.setdefault((event["stream_id"], day(event, zone)), set()).add(event["source_kind"])
        if event["source_kind"] != "stream":
            loaded_ids.add((event["stream_id"], event["event_id"]))
    counting = []
    for event in stored:
        kinds = kinds_of_day[event["stream_id"], day(event, zone)]
        if event["source_kind"] == "export_intraday" and "export_daily" in kinds:
            continue
        if event["source_kind"] == "stream":
            exported = "export_daily" in kinds or "export_intraday" in kinds
            if settings["stream.supersede_streamed"] and exported:
                continue
            if (event["stream_id"], event["event_id"]) in loaded_ids:
                continue
        counting.append(event)
    return sorted(counting, key=in_order)


def day(event: Row, zone: ZoneInfo) -> date:
    return local_date(event["event_timestamp"], zone)


def local_date(moment: int, zone: ZoneInfo) -> date:
    return (EPOCH + moment * MICROSECOND).astimezone(zone).date()


def in_order(event: Row) -> tuple[Any, ...]:
    """The order of events everywhere: nulls first, text by its bytes, equal ids by the id with its stream."""
    batch = [event["batch_page_id"], event["batch_ordering_id"], event["batch_event_index"]]
    nulls_first = tuple((number is not None, number or 0) for number in batch)
    return (event["event_timestamp"], *nulls_first, event["event_id"].encode(), event["stream_id"].encode())


def id_text(event: Row) -> str:
    stream = event["stream_id"]
    return event["event_id"] if stream == "default" else f"{stream}/{event['event_id']}"


# --- Identity and sessions ----------------------------------------------------------------------------------


def device(event: Row) -> str:
    if event["user_pseudo_id"] is not None:
        return str(event["user_pseudo_id"])
    if event["user_id"] is not None:
        return f"user:{event['user_id']}"
    return f"session:{event['ga_session_id']}"


def persons(events: list[Row], settings: Row) -> dict[str, str]:
    """The person of each device: whoever logged in on it last, whenever that was."""
    found: dict[str, str] = {}
    for event in events:
        found.setdefault(event["device_id"], f"device:{event['device_id']}")
        if event["user_id"] is not None and settings["attribution.identity"] == "user":
            found[event["device_id"]] = f"user:{event['user_id']}"
    return found


def visits(events: list[Row], timeout: int) -> list[list[Row]]:
    """One device's events, cut where nothing happened for longer than the timeout."""
    cut: list[list[Row]] = []
    for event in events:
        if cut and event["event_timestamp"] - cut[-1][-1]["event_timestamp"] <= timeout:
            cut[-1].append(event)
        else:
            cut.append([event])
    return cut


def give_sessions(visit: list[Row]) -> None:
    """An event's session has its own ga_session_id, else the visit's last before it, else the first after."""
    numbers = [event["ga_session_id"] for event in visit]
    for position, event in enumerate(visit):
        before = [number for number in numbers[: position + 1] if number is not None]
        after = [number for number in numbers[position:] if number is not None]
        name = before[-1] if before else after[0] if after else f"@{visit[0]['event_timestamp']}"
        event["session_key"] = f"{event['device_id']}/{name}"


# --- Hosts and sites ----------------------------------------------------------------------------------------

SITES_FILE = Path(__file__).parents[1] / "src/headwater/dbt/seeds/traffic_sources.csv"
PUBLIC_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@cache
def sites() -> dict[str, Site]:
    with SITES_FILE.open(newline="", encoding="utf-8") as file:
        return {row["source"]: (row["category"], row["name"]) for row in csv.DictReader(file)}


def listed(host_or_name: str) -> Site | None:
    return sites().get(host_or_name)


@cache
def registrable(host: str) -> str:
    """What one registers to own a host: example.co.uk for shop.example.co.uk; else the host itself."""
    return PUBLIC_SUFFIXES(host).top_domain_under_public_suffix or host


def host_of(url: str | None) -> str | None:
    try:
        host = urlsplit(url or "").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def domain_of(url: str | None) -> str | None:
    host = host_of(url)
    if host is None:
        return None
    return host if is_app(url) else registrable(host)


def is_app(url: str | None) -> bool:
    return (url or "").lower().startswith("android-app:")


def query_of(url: str | None) -> dict[str, str]:
    """The parameters of a URL, decoded; of one given twice, the first."""
    try:
        pairs = parse_qsl(urlsplit(url or "").query, keep_blank_values=True)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def within(host: str, domains: Iterable[str]) -> bool:
    return any(host == domain.lower() or host.endswith(f".{domain.lower()}") for domain in domains)


# --- What an event says of its source -----------------------------------------------------------------------


def answer(event: Row, settings: Row, known_source: KnownSource) -> Block | None:
    """The (source, medium, campaign) that this one event says, or None where it says nothing."""
    block = tagged_block(event)
    void = is_direct(block) or is_self_referral(block, event, settings)
    name = click_id(event)
    if name is not None:
        source, medium, campaign = block
        nobody_tagged_it = campaign is None or is_placeholder(campaign)
        if (is_empty(block) or void) and nobody_tagged_it:
            return CLICK_IDS[name]
        if campaign is not None and is_placeholder(campaign):
            return CLICK_IDS[name]
        if name in GOOGLE_ADS_IDS and (source, medium) == ("google", "organic") and not void:
            return CLICK_IDS[name]
    if not is_empty(block) and not void:
        return block
    if page_is_tagged(event):
        return None
    return referrer_answer(event, settings, known_source)


def normal(source: Any, medium: Any, campaign: Any) -> Block:
    source, medium = told(source), told(medium)
    return source and source.lower(), medium and medium.lower(), told(campaign)


def tagged_block(event: Row) -> Block:
    """One block from the first place that has any of the three; places are never mixed."""
    places = [event, event["params"]]
    if carries_its_own_url(event):
        query = query_of(event["page_location"])
        places.append({name: query.get(f"utm_{name}") for name in ("source", "medium", "campaign")})
    for place in places:
        block = normal(place.get("source"), place.get("medium"), place.get("campaign"))
        if block != (None, None, None):
            return block
    return None, None, None


def carries_its_own_url(event: Row) -> bool:
    return event["batch_ordering_id"] is None or event["batch_ordering_id"] <= 1


def click_id(event: Row) -> str | None:
    places = [event, event["params"]]
    if carries_its_own_url(event):
        places.append(query_of(event["page_location"]))
    for name in CLICK_IDS:
        if any(told(place.get(name)) for place in places):
            return name
    return None


def page_is_tagged(event: Row) -> bool:
    query = query_of(event["page_location"])
    return any(told(query.get(name)) for name in ("utm_source", "utm_medium", "utm_campaign", *CLICK_IDS))


def is_placeholder(campaign: str) -> bool:
    return campaign in ("(organic)", "(referral)")


def is_empty(block: Block) -> bool:
    source, medium, campaign = block
    return source is None and medium is None and (campaign is None or is_placeholder(campaign))


def is_direct(block: Block) -> bool:
    return block[0] == "(direct)" and block[1] in (None, "(none)")


def is_self_referral(block: Block, event: Row, settings: Row) -> bool:
    source = block[0]
    if source is None:
        return False
    if within(source, settings["attribution.internal_domains"]):
        return True
    return "." in source and registrable(source.removeprefix("www.")) == domain_of(event["page_location"])


def referrer_answer(event: Row, settings: Row, known_source: KnownSource) -> Block | None:
    host, domain = host_of(event["page_referrer"]), domain_of(event["page_referrer"])
    if host is None or domain is None or domain == domain_of(event["page_location"]):
        return None
    if within(host, [*settings["attribution.internal_domains"], *settings["attribution.ignored_referrers"]]):
        return None
    own, of_domain = known_source(host), known_source(domain)
    category, name = own or of_domain or ("", "")
    if category == "search":
        return name, "organic", None
    if category == "ai":
        return name, "ai-assistant", None
    is_of_another_kind = own is not None and (of_domain is None or of_domain[0] != category)
    return host if is_of_another_kind else domain, "referral", None


def first_user_answer(event: Row, settings: Row) -> Block | None:
    block = normal(*(event[f"first_user_{name}"] for name in ("source", "medium", "campaign")))
    if is_empty(block) or is_direct(block) or is_self_referral(block, event, settings):
        return None
    return block


# --- Channels -----------------------------------------------------------------------------------------------

PAID = re.compile(r"(.*cp.*|ppc|retargeting|paid.*)", re.IGNORECASE)
SHOP = re.compile(r"(.*(([^a-df-z]|^)shop|shopping).*)", re.IGNORECASE)
GA4_CHANNELS = {
    *("Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display"),
    *("Paid Other", "Organic Shopping", "Organic Social", "Organic Video", "AI Assistant", "Organic Search"),
    *("Referral", "Email", "Affiliates", "Audio", "SMS", "Mobile Push Notifications", "Unassigned"),
}
ROLL_UP = {
    "Paid Search": "Paid Search",
    "Paid Shopping": "Paid Search",
    "Organic Search": "Organic Search",
    "Organic Shopping": "Organic Search",
    "Paid Social": "Social",
    "Organic Social": "Social",
    "Email": "Email",
    "Referral": "Referral",
    "Affiliates": "Referral",
    "AI Assistant": "Referral",
    "Direct": "Direct",
}


def ga4_channel(
    source: str | None, medium: str | None, campaign: str | None, known_source: KnownSource
) -> str:
    """Google's default channel group: the first line that holds."""
    source, medium, campaign = (source or "").lower(), (medium or "").lower(), (campaign or "").lower()
    site = known_source(source)
    if site is None and "." in source:
        site = known_source(registrable(source))
    kind = site[0] if site else ""
    paid = bool(PAID.fullmatch(medium))
    shopping = kind == "shopping" or bool(SHOP.fullmatch(campaign))
    emails = ("email", "e-mail", "e_mail", "e mail")
    lines = [
        (
            "Direct",
            (source == "(direct)" and medium in ("(none)", "(not set)", ""))
            or not (source or medium or campaign),
        ),
        ("Cross-network", "cross-network" in campaign),
        ("Paid Shopping", shopping and paid),
        ("Paid Search", kind == "search" and paid),
        ("Paid Social", kind == "social" and paid),
        ("Paid Video", kind == "video" and paid),
        ("Display", medium in ("display", "banner", "expandable", "interstitial", "cpm")),
        ("Paid Other", paid),
        ("Organic Shopping", shopping),
        (
            "Organic Social",
            kind == "social"
            or medium in ("social", "social-network", "social-media", "sm", "social network", "social media"),
        ),
        ("Organic Video", kind == "video" or "video" in medium),
        ("AI Assistant", medium == "ai-assistant" or (kind == "ai" and medium in ("", "referral"))),
        ("Organic Search", kind == "search" or medium == "organic"),
        ("Referral", medium in ("referral", "app", "link")),
        ("Email", source in emails or medium in emails),
        ("Affiliates", medium == "affiliate"),
        ("Audio", medium == "audio"),
        ("SMS", source == "sms" or medium == "sms"),
        (
            "Mobile Push Notifications",
            medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase",
        ),
    ]
    return next((channel for channel, holds in lines if holds), "Unassigned")


def channel_of(
    source: str | None,
    medium: str | None,
    campaign: str | None,
    on: date,
    settings: Row,
    known_source: KnownSource,
) -> str:
    """The user's own rules first, in their order, then the group."""
    for rule in settings["channel_rules"]:
        if rule_holds(rule, source, medium, campaign, on):
            channel = str(rule["channel"])
            break
    else:
        channel = ga4_channel(source, medium, campaign, known_source)
    if settings["attribution.channel_group"] == "ga4" or channel not in GA4_CHANNELS:
        return channel
    return ROLL_UP.get(channel, "Other")


def rule_holds(rule: Row, source: str | None, medium: str | None, campaign: str | None, on: date) -> bool:
    first, last = rule.get("valid_from"), rule.get("valid_to")
    if (first and on < date.fromisoformat(first)) or (last and on > date.fromisoformat(last)):
        return False
    return all(
        re.fullmatch(rule[name], said or "", re.IGNORECASE | re.DOTALL)
        for name, said in (("source", source), ("medium", medium), ("campaign", campaign))
        if rule.get(name)
    )


# --- Touches ------------------------------------------------------------------------------------------------


def touches_of(
    session: list[Row], first_of_person: bool, answers: dict[int, Block | None], settings: Row
) -> list[Row]:
    """Walks a session in order: a touch opens where an event says something else than the touch now open."""
    touches: list[Row] = []
    for event in session:
        said = answers.get(id(event))
        if said is not None and (not touches or said != touches[-1]["block"]):
            touches.append({"event": event, "block": said})
    if touches:
        return touches
    block: Block = ("(direct)", "(none)", None)
    if first_of_person:
        acquired = [first_user_answer(event, settings) for event in session]
        block = next((one for one in acquired if one is not None), block)
    return [{"event": session[0], "block": block}]


def touch_row(touch: Row, person: str, classify: Classify, zone: ZoneInfo) -> Row:
    event, (source, medium, campaign) = touch["event"], touch["block"]
    return {
        "touchpoint_id": id_text(event),
        "person_id": person,
        "session_key": event["session_key"],
        "device_id": event["device_id"],
        "touch_at": event["event_timestamp"],
        "source": source,
        "medium": medium,
        "campaign": campaign,
        "channel": classify(source, medium, campaign, day(event, zone)),
        "order": in_order(event),
    }


def session_row(session: list[Row], person: str, first_touch: Row) -> Row:
    pages = [event["page_location"] for event in session if event["page_location"] is not None]
    return {
        "session_key": session[0]["session_key"],
        "device_id": session[0]["device_id"],
        "person_id": person,
        "session_start": session[0]["event_timestamp"],
        "session_end": session[-1]["event_timestamp"],
        "event_count": len(session),
        "page_views": sum(event["event_name"] == "page_view" for event in session),
        "landing_page": pages[0] if pages else None,
        **{name: first_touch[name] for name in ("source", "medium", "campaign", "channel")},
    }


# --- Conversions --------------------------------------------------------------------------------------------


def conversions_of(events: list[Row], person_of: dict[str, str], settings: Row) -> list[Row]:
    zone = ZoneInfo(settings["timezone"])
    rows, seen = [], set()
    for event in events:
        order = event["event_name"], event["transaction_id"]
        if event["event_name"] not in settings["attribution.conversion_events"] or order in seen:
            continue
        if event["transaction_id"] is not None:
            seen.add(order)
        rows.append(
            {
                "conversion_id": id_text(event),
                "conversion_event": event["event_name"],
                "person_id": person_of[event["device_id"]],
                "conversion_at": event["event_timestamp"],
                "conversion_date": day(event, zone),
                "conversion_value": value_of(event, events, settings),
                "currency": settings["reporting_currency"] or event["currency"],
                "transaction_id": event["transaction_id"],
            }
        )
    return rows


def value_of(conversion: Row, events: list[Row], settings: Row) -> Decimal | None:
    """What the conversion is worth once its refunds are taken off; None where a currency has no rate."""
    on = day(conversion, ZoneInfo(settings["timezone"]))
    value = in_reporting_currency(conversion["value"], conversion["currency"], on, settings)
    refunds = [
        event
        for event in events
        if event["event_name"] == "refund"
        and event["transaction_id"] is not None
        and event["transaction_id"] == conversion["transaction_id"]
    ]
    if conversion["event_name"] != "purchase" or not refunds or value is None:
        return value
    if any(refund["value"] == 0 for refund in refunds):
        return Decimal(0)
    left = value
    for refund in refunds:
        currency = refund["currency"] or conversion["currency"]
        back = in_reporting_currency(abs(refund["value"]), currency, on, settings)
        if back is None:
            return None
        left -= back
    return max(left, Decimal(0))


def in_reporting_currency(value: Decimal, currency: str | None, on: date, settings: Row) -> Decimal | None:
    reporting = settings["reporting_currency"]
    if not reporting or currency in (None, reporting):
        return value
    published = [
        (date.fromisoformat(rate["rate_date"]), Decimal(str(rate["rate"])))
        for rate in settings["exchange_rates"]
        if rate["currency"] == currency
    ]
    usable = [(when, rate) for when, rate in published if on - timedelta(days=7) <= when <= on]
    if not usable:
        return None
    return (value * max(usable)[1]).quantize(SIX_DIGITS, ROUND_HALF_UP)


# --- Journeys -----------------------------------------------------------------------------------------------


def journey_of(conversion: Row, touches: list[Row], settings: Row) -> list[Row]:
    """The steps that led to one conversion. Each keeps its touches (`touches`), in order, for the models."""
    zone = ZoneInfo(settings["timezone"])
    end = conversion["conversion_at"]
    start = end - settings["attribution.lookback_days"] * DAY
    inside = [
        touch
        for touch in touches
        if touch["person_id"] == conversion["person_id"] and start <= touch["touch_at"] <= end
    ]
    grouped: dict[Any, list[Row]] = {}
    for touch in sorted(inside, key=lambda touch: touch["order"]):
        same_step = touch["channel"], local_date(touch["touch_at"], zone)
        collapses = settings["attribution.collapse_same_channel_day"]
        grouped.setdefault(same_step if collapses else touch["order"], []).append(touch)
    steps = [step_row(conversion, group, len(group)) for group in grouped.values()]
    return number(steps or [step_row(conversion, [direct_at(conversion)], 0)])


def number(steps: list[Row]) -> list[Row]:
    for position, step in enumerate(steps, start=1):
        step["step_number"] = position
    return steps


def direct_at(conversion: Row) -> Row:
    return {
        "touchpoint_id": conversion["conversion_id"],
        "touch_at": conversion["conversion_at"],
        "source": "(direct)",
        "medium": "(none)",
        "campaign": None,
        "channel": "Direct",
        "order": (),
    }


def step_row(conversion: Row, touches: list[Row], count: int) -> Row:
    first, last = touches[0], touches[-1]
    return {
        "conversion_id": conversion["conversion_id"],
        "step_number": 0,
        "channel": first["channel"],
        "first_touch_at": first["touch_at"],
        "last_touch_at": last["touch_at"],
        "touch_count": count,
        "touchpoint_id": first["touchpoint_id"],
        "last_touchpoint_id": last["touchpoint_id"],
        "source": first["source"],
        "medium": first["medium"],
        "campaign": first["campaign"],
        "touches": touches,
    }


# --- Credits ------------------------------------------------------------------------------------------------


def credits_of(conversion: Row, steps: list[Row], model: str, settings: Row) -> list[Row]:
    """One model's rows for one conversion; what the shares leave over goes to the last step with a weight."""
    if model in settings["attribution.ignore_direct"]:
        steps = [step for step in steps if step["channel"] != "Direct"] or steps
    if model == "first_click":
        steps = steps[:1]
    if model == "last_click":
        steps = [max(steps, key=lambda step: step["touches"][-1]["order"])]
    weights = weights_of(model, steps, settings)
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    portions = leave_the_rest_to_the_last([truncated(share, 12) for share in shares], Decimal(1), weights)
    value = conversion["conversion_value"]
    values: list[Decimal | None] = [None] * len(steps)
    if value is not None:
        parts = [truncated(Fraction(value) * share, 9) for share in shares]
        values = list(leave_the_rest_to_the_last(parts, value, weights))
    rows = []
    for step, weight, portion, part in zip(steps, weights, portions, values, strict=True):
        if weight == 0:
            continue
        touch = step["touches"][-1 if model == "last_click" else 0]
        rows.append(
            {
                "conversion_id": conversion["conversion_id"],
                "attribution_model": model,
                "touchpoint_id": touch["touchpoint_id"],
                "touch_at": touch["touch_at"],
                "channel": step["channel"],
                "source": touch["source"],
                "medium": touch["medium"],
                "campaign": touch["campaign"],
                "credit": portion,
                "credited_value": part,
            }
        )
    return rows


def weights_of(model: str, steps: list[Row], settings: Row) -> list[int]:
    n = len(steps)
    if model in ("first_click", "last_click", "linear"):
        return [1] * n
    if model == "position_based":
        return [1] * n if n <= 2 else [2 * (n - 2), *[1] * (n - 2), 2 * (n - 2)]
    if model == "time_decay":
        latest = max(step["first_touch_at"] for step in steps)
        return [decayed(latest - step["first_touch_at"], settings) for step in steps]
    raise KeyError(f"no such model here: {model}")


def decayed(age: int, settings: Row) -> int:
    """A trillion, halved once per half-life; with digits enough that its rounding cannot go astray."""
    exact = Context(prec=60)
    half_lives = exact.divide(Decimal(age), Decimal(str(settings["attribution.half_life_days"])) * DAY)
    weight = exact.multiply(Decimal(10**12), exact.power(Decimal(2), -half_lives))
    return int(weight.to_integral_value(ROUND_HALF_UP))


def truncated(exact: Fraction, digits: int) -> Decimal:
    """Cut towards zero."""
    units = abs(exact) * 10**digits
    cut = Decimal(units.numerator // units.denominator).scaleb(-digits)
    return -cut if exact < 0 else cut


def leave_the_rest_to_the_last(parts: list[Decimal], whole_sum: Decimal, weights: list[int]) -> list[Decimal]:
    last = max(position for position, weight in enumerate(weights) if weight > 0)
    return [
        whole_sum - sum(parts[:position] + parts[position + 1 :]) if position == last else part
        for position, part in enumerate(parts)
    ]


# --- The whole way ------------------------------------------------------------------------------------------


def compute(
    arrivals: Iterable[Row],
    settings: Row | None = None,
    *,
    now: datetime | None = None,
    make_id: Callable[[Row], str] = stand_in_id,
    classify: Classify | None = None,
    known_source: KnownSource = listed,
) -> Truth:
    """From the events in the order of their arrival to the credits."""
    settings = with_defaults(settings or {})
    zone = ZoneInfo(settings["timezone"])
    if classify is None:
        classify = partial(channel_of, settings=settings, known_source=known_source)
    clock = ((now or datetime.now(UTC)) - EPOCH) // MICROSECOND
    stored, refused, duplicates = store(arrivals, clock, make_id, settings)
    events = events_that_count(stored, settings)
    for event in events:
        event["device_id"] = device(event)

    person_of = persons(events, settings)
    timeout = settings["attribution.session_timeout_minutes"] * MINUTE
    for device_id in person_of:
        for visit in visits([event for event in events if event["device_id"] == device_id], timeout):
            give_sessions(visit)
    sessions: dict[tuple[str, str], list[Row]] = {}
    first_session: dict[str, tuple[str, str]] = {}  # of each person
    for event in events:
        event["person_id"] = person_of[event["device_id"]]
        key = event["device_id"], event["session_key"]  # a device may hold a slash: the pair is the session
        sessions.setdefault(key, []).append(event)
        first_session.setdefault(event["person_id"], key)

    answers = {id(event): answer(event, settings, known_source) for event in events}
    session_rows, touches = [], []
    for key, session in sessions.items():
        person = session[0]["person_id"]
        opened = touches_of(session, first_session[person] == key, answers, settings)
        rows = [touch_row(touch, person, classify, zone) for touch in opened]
        touches += rows
        session_rows.append(session_row(session, person, rows[0]))

    conversions = conversions_of(events, person_of, settings)
    journeys, credit_rows = [], []
    for conversion in conversions:
        steps = journey_of(conversion, touches, settings)
        journeys += steps
        for model in settings["attribution.models"]:
            credit_rows += credits_of(conversion, steps, model, settings)
    return Truth(
        events=[shown(event) for event in events],
        sessions=[shown(row) for row in session_rows],
        touchpoints=[shown(row) for row in touches],
        conversions=[shown(row) for row in conversions],
        journeys=[shown(row) for row in journeys],
        credits=[shown(row) for row in credit_rows],
        refused=refused,
        duplicates=duplicates,
    )


MOMENTS = (
    "event_timestamp",
    "received_at",
    "session_start",
    "session_end",
    "touch_at",
    "conversion_at",
    "first_touch_at",
    "last_touch_at",
)
FOR_THE_NEXT_STEP = ("order", "touches")


def shown(row: Row) -> Row:
    """A row as a user sees it: times as naive UTC datetimes, without what only the next step needed."""
    return {
        name: (EPOCH + value * MICROSECOND).replace(tzinfo=None)
        if name in MOMENTS and value is not None
        else value
        for name, value in row.items()
        if name not in FOR_THE_NEXT_STEP
    }
