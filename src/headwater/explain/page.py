"""The page that tells one conversion: what it is, its journey, its credit, and what decided."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from headwater.explain.credit import credit
from headwater.explain.facts import Conversion, Device, Explanation, Refund, Worth
from headwater.explain.find import literal
from headwater.explain.journey import journey
from headwater.explain.words import (
    Line,
    counted,
    exact,
    folded,
    listed,
    local_day,
    moment,
    padded,
    plain,
    visible,
    with_utc,
)

NARROWEST, WIDEST = 80, 100
MOST_DEVICES = 10
TIMES = {2: "twice"}


def page(facts: Explanation, width: int, command: Callable[..., str]) -> list[Line]:
    """The lines to print, none wider than `width`; `command` makes a line that the reader can paste."""
    width = min(max(width, NARROWEST), WIDEST)
    settings = {setting.key: setting.value for setting in facts.settings}
    zone = settings["timezone"]
    sections: list[Iterator[Line]] = [
        _header(facts, settings, width),
        _worth(facts, zone, settings["reporting_currency"], command, width),
        _freshness(facts, command, width),
        journey(facts, zone, width),
        credit(facts, width),
        _devices(facts, settings["attribution.identity"], zone, width),
        _settings(facts),
        _hint(facts, command),
    ]
    lines: list[Line] = []
    for section in sections:
        found = list(section)
        lines += ([Line()] if lines and found else []) + found
    return lines


def _folded(text: str, width: int) -> Iterator[Line]:
    return (Line(part) for part in folded(text, width))


def _header(facts: Explanation, settings: dict[str, Any], width: int) -> Iterator[Line]:
    conversion = facts.conversion
    worth = "no value" if conversion.conversion_value is None else _amount(conversion)
    yield Line(visible(f"{conversion.conversion_event} {conversion.conversion_id}: {worth}"), "heading")
    order = f", order {conversion.transaction_id}" if conversion.transaction_id else ""
    yield from _folded(visible(with_utc(conversion.conversion_at, settings["timezone"]) + order), width)
    yield from _folded(visible(_person(facts, settings["attribution.identity"])), width)


def _amount(conversion: Conversion) -> str:
    return f"{exact(conversion.conversion_value or Decimal(0))} {conversion.currency or ''}".rstrip()


def _person(facts: Explanation, identity: str) -> str:
    person, devices = facts.conversion.person_id, len(facts.devices)
    if person.startswith("user:") and identity == "user":
        user = person.removeprefix("user:")
        if devices > 1:
            return f"One person on {counted(devices, 'device')}, joined by user id {user}"
        return f"One person on one device, known by user id {user}"
    return "One device, not joined with others (identity = device)" if identity == "device" else (
        "One device on which nobody has logged in"
    )


def _worth(
    facts: Explanation, zone: str, reporting: str, command: Callable[..., str], width: int
) -> Iterator[Line]:
    worth, conversion = facts.worth, facts.conversion
    if worth.rate is None or any(refund.rate is None for refund in worth.refunds):
        missing = worth.sent_currency if worth.rate is None else next(
            refund.currency for refund in worth.refunds if refund.rate is None
        )
        yield from _folded(
            f"It has no value in {reporting}: there is no rate for {visible(missing or '')} in the week up to "
            f"{conversion.conversion_date}. Load one: {command('rates', 'FILE.csv')}",
            width,
        )
    elif worth.refunds or worth.rate_date:
        yield from _folded(_sum(worth, conversion, zone), width)
    if worth.repeats:
        times = len(worth.repeats) + 1
        asked = f" {facts.repeat_asked_for} is a repeat." if facts.repeat_asked_for else ""
        yield from _folded(
            f"The order was sent {TIMES.get(times, f'{times} times')}; the first one counts.{visible(asked)}", width
        )


def _sum(worth: Worth, conversion: Conversion, zone: str) -> str:
    """The value as the sum that it is; a refund counts in the currency of its conversion."""
    sent, currency = exact(worth.sent_value), conversion.currency or ""
    converted = f"{sent} {worth.sent_currency} × {plain(worth.rate or Decimal(1))} (rate of {worth.rate_date})"
    total = exact(conversion.conversion_value or Decimal(0))
    result = visible(f"= {total} {currency}".rstrip() + ".")
    start = visible(converted if worth.rate_date else sent)
    if not worth.refunds:
        return f"{start} {result}"
    days = listed(list(dict.fromkeys(local_day(refund.refunded_at, zone) for refund in worth.refunds)))
    if any(refund.value == 0 for refund in worth.refunds):
        return f"{start}, all of it taken back by a refund without a value ({days}) {result}"
    refunded = sum((_in_currency(refund) for refund in worth.refunds), Decimal(0))
    floor = "" if conversion.conversion_value else ", never below 0,"
    count = counted(len(worth.refunds), "refund")
    return f"{start} less {exact(refunded)} refunded ({count}, {days}){floor} {result}"


def _in_currency(refund: Refund) -> Decimal:
    return round(refund.value * (refund.rate or Decimal(1)), 6)


def _freshness(facts: Explanation, command: Callable[..., str], width: int) -> Iterator[Line]:
    batches = facts.freshness.batches_since_build
    if batches:
        have = "batch has" if batches == 1 else "batches have"
        yield from _folded(f"{batches:,} {have} arrived since the last build: {command('build')}", width)
    if facts.freshness.settings_have_changed:
        yield from _folded(
            f"Settings, models or rates have changed since the last build: {command('build')}", width
        )


def _devices(facts: Explanation, identity: str, zone: str, width: int) -> Iterator[Line]:
    yield Line("Devices of this person", "heading")
    yield Line()
    for device in facts.devices[:MOST_DEVICES]:
        yield from _device(device, identity, zone, width)
    if len(facts.devices) > MOST_DEVICES:
        yield Line(f"  … {counted(len(facts.devices) - MOST_DEVICES, 'more device')} (--format json lists them)")


def _device(device: Device, identity: str, zone: str, width: int) -> Iterator[Line]:
    indent = " " * (len(device.device) + 4)
    name = visible(device.device_id)
    for place, part in enumerate(folded(name, width - len(indent))):
        yield Line((indent if place else f"  {device.device}  ") + part)
    seen = f"{moment(device.first_seen_at, zone)} to {moment(device.last_seen_at, zone)}, "
    for part in folded(seen + counted(device.sessions, "session"), width - len(indent)):
        yield Line(indent + part)
    for part in folded(visible(_belongs(device, identity, zone)), width - len(indent)):
        yield Line(indent + part)


def _belongs(device: Device, identity: str, zone: str) -> str:
    if identity == "device":
        return "a person of its own: user ids are not looked at"
    if not device.logins:
        return "no user id was seen on it"
    last = device.logins[-1]
    others = [login.user_id for login in device.logins[:-1]]
    before = f"; before that {listed(others)}, but the last one decides" if others else ""
    return f"user id {last.user_id}, seen on it from {moment(last.first_at, zone)} on{before}"


def _settings(facts: Explanation) -> Iterator[Line]:
    yield Line("Settings that decided", "heading")
    yield Line()
    for setting in facts.settings:
        value = setting.value
        if value in ("", None):
            continue
        shown = (
            ", ".join(value) or "none"
            if isinstance(value, list)
            else str(value).lower()
            if isinstance(value, bool)
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
        yield Line(f"  {padded(setting.key, 38)}  {padded(shown, 16)}  {setting.origin}".rstrip())


def _hint(facts: Explanation, command: Callable[..., str]) -> Iterator[Line]:
    sql = (
        "select * from int_attribution_credits "
        f"where conversion_id = {literal(facts.conversion.conversion_id)}"
    )
    yield Line("The same in a table:", "quiet")
    yield Line("  " + visible(command("query", sql)), "quiet")
