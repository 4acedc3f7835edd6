"""The page that tells one conversion: what it is, its journey, its credit, and what decided."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from headwater.explain.credit import credit
from headwater.explain.facts import Conversion, Device, Explanation
from headwater.explain.journey import journey
from headwater.explain.value import value
from headwater.explain.words import (
    Line,
    counted,
    exact,
    folded,
    helped,
    listed,
    moment,
    padded,
    paragraph,
    visible,
    with_utc,
)

NARROWEST, WIDEST = 80, 100
MOST_DEVICES = 10


def page(facts: Explanation, width: int, command: Callable[..., str]) -> list[Line]:
    """The lines to print, none wider than `width` save commands, which `command` makes to be pasted."""
    width = min(max(width, NARROWEST), WIDEST)
    settings = {setting.key: setting.value for setting in facts.settings}
    zone = settings["timezone"]
    sections: list[Iterator[Line]] = [
        _header(facts, settings, width),
        value(facts, zone, settings["reporting_currency"], command, width),
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


def _header(facts: Explanation, settings: dict[str, Any], width: int) -> Iterator[Line]:
    conversion = facts.conversion
    worth = "without a value" if conversion.conversion_value is None else f"of {_amount(conversion)}"
    order = f", order {conversion.transaction_id}" if conversion.transaction_id else ""
    for part in folded(visible(f"{conversion.conversion_event} {worth}{order}"), width):
        yield Line(part, "heading")
    yield from paragraph(with_utc(conversion.conversion_at, settings["timezone"]), width)
    yield from paragraph(visible(_person(facts, settings["attribution.identity"])), width)
    yield from paragraph(visible(f"Id {conversion.conversion_id}"), width)


def _amount(conversion: Conversion) -> str:
    return f"{exact(conversion.conversion_value or Decimal(0))} {conversion.currency or ''}".rstrip()


def _person(facts: Explanation, identity: str) -> str:
    person, devices = facts.conversion.person_id, len(facts.devices)
    if person.startswith("user:") and identity == "user":
        user = person.removeprefix("user:")
        if devices > 1:
            return f"One person on {counted(devices, 'device')}, joined by user id {user}"
        return f"One person on one device, known by user id {user}"
    return (
        "One device, not joined with others (identity = device)"
        if identity == "device"
        else ("One device on which nobody has logged in")
    )


def _freshness(facts: Explanation, command: Callable[..., str], width: int) -> Iterator[Line]:
    batches = facts.freshness.batches_since_build
    if batches:
        have = "batch has" if batches == 1 else "batches have"
        yield from helped(f"{batches:,} {have} arrived since the last build", command("build"), width)
    if facts.freshness.settings_have_changed:
        yield from helped(
            "Settings, models or rates have changed since the last build", command("build"), width
        )


def _devices(facts: Explanation, identity: str, zone: str, width: int) -> Iterator[Line]:
    yield Line("Devices of this person", "heading")
    yield Line()
    for device in facts.devices[:MOST_DEVICES]:
        yield from _device(device, identity, zone, width)
    if len(facts.devices) > MOST_DEVICES:
        yield Line(
            f"  … {counted(len(facts.devices) - MOST_DEVICES, 'more device')} (--format json lists them)"
        )


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
        if setting.value != "":
            shown = padded(_as_set(setting.value), 16)
            yield Line(f"  {padded(setting.key, 38)}  {shown}  {setting.origin}".rstrip())


def _as_set(chosen: Any) -> str:
    match chosen:
        case list():
            return ", ".join(chosen) or "none"
        case bool():
            return str(chosen).lower()
        case float():
            return f"{chosen:g}"
        case _:
            return str(chosen)


def _hint(facts: Explanation, command: Callable[..., str]) -> Iterator[Line]:
    conversion = facts.conversion.conversion_id.replace("'", "''")
    sql = f"select * from int_attribution_credits where conversion_id = '{conversion}'"
    yield Line("The same in a table:", "quiet")
    yield Line("  " + visible(_query(sql, command)), "quiet")


def _query(sql: str, command: Callable[..., str]) -> str:
    """In double quotes, which read better around SQL, wherever a shell finds nothing to do in them."""
    if any(letter in sql for letter in '"$`!\\'):
        return command("query", sql)
    return command("query", "SQL").replace("SQL", f'"{sql}"', 1)
