"""Which channel a visit belongs to: the rules, the sites they know, and one visit classified in plain Python.

The rules are data (channel_rules.csv, and before them the user's own). dbt gets them as variables, and
this module classifies with the same patterns: a tag checked before a campaign is what the report shows.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, Protocol

from headwater.domains import source_domain
from headwater.settings.pattern import check_pattern

__all__ = [
    "SIMPLE",
    "CustomRule",
    "Decision",
    "Group",
    "Rule",
    "Site",
    "active",
    "check_pattern",
    "classify",
    "dbt_vars",
    "known_source",
    "periods",
    "rules",
    "sources",
]

Group = Literal["ga4", "simple"]

# A channel that is not named here (one of the user's own) is the same in both groups.
SIMPLE = {
    "Direct": "Direct",
    "Cross-network": "Other",
    "Paid Shopping": "Paid Search",
    "Paid Search": "Paid Search",
    "Paid Social": "Social",
    "Paid Video": "Other",
    "Display": "Other",
    "Paid Other": "Other",
    "Organic Shopping": "Organic Search",
    "Organic Social": "Social",
    "Organic Video": "Other",
    "AI Assistant": "Referral",
    "Organic Search": "Organic Search",
    "Referral": "Referral",
    "Email": "Email",
    "Affiliates": "Referral",
    "Audio": "Other",
    "SMS": "Other",
    "Mobile Push Notifications": "Other",
    "Unassigned": "Other",
}


class CustomRule(Protocol):
    """A rule of the user's own, as the settings hold it: at least one pattern, both dates included."""

    @property
    def channel(self) -> str: ...
    @property
    def source(self) -> str | None: ...
    @property
    def medium(self) -> str | None: ...
    @property
    def campaign(self) -> str | None: ...
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


@dataclass(frozen=True)
class Rule:
    """What is not empty must hold; source, medium and campaign are patterns of the whole value."""

    rule: str
    channel: str
    source_category: str
    source: str
    medium: str
    campaign: str
    reads: str
    valid_from: date | None = None
    valid_to: date | None = None
    custom: bool = False

    def is_in_force(self, on: date) -> bool:
        return (self.valid_from or date.min) <= on <= (self.valid_to or date.max)

    def holds(self, category: str, source: str, medium: str, campaign: str) -> bool:
        values = ((self.source, source), (self.medium, medium), (self.campaign, campaign))
        return self.source_category in ("", category) and all(
            not pattern or _compiled(pattern).fullmatch(value) is not None for pattern, value in values
        )


class Site(NamedTuple):
    """What the list of known sources says of one."""

    category: str
    name: str


@dataclass(frozen=True)
class Decision:
    """The channel of a visit, and why: the rule, and the listed source that it was found through."""

    channel: str
    rule: str
    reads: str
    source_category: str | None
    matched_source: str | None


def rules(custom: Iterable[CustomRule] = ()) -> list[Rule]:
    """Every rule in the order in which they are tried: the user's own first."""
    return [_custom(number, rule) for number, rule in enumerate(custom, 1)] + list(_built_in())


def periods(rules: Iterable[Rule]) -> list[date]:
    """The days on which other rules come into force; period 0 is the time before the first of them."""
    starts = {rule.valid_from for rule in rules if rule.valid_from}
    ends = {rule.valid_to for rule in rules if rule.valid_to and rule.valid_to < date.max}
    return sorted(starts | {end + timedelta(days=1) for end in ends})


def active(rule: Rule, period: int, starts: Sequence[date]) -> bool:
    """Whether a rule is in force in a period of `periods`: in all of it or in none of it."""
    return rule.is_in_force(starts[period - 1] if period else date.min)


def dbt_vars(custom: Iterable[CustomRule] = ()) -> dict[str, Any]:
    """What the dbt project must know to classify. `periods` is null for a rule that is always in force."""
    all_rules = rules(custom)
    starts = periods(all_rules)
    return {
        "channel_rules": [
            {
                "rule": rule.rule,
                "channel": rule.channel,
                "source_category": rule.source_category,
                "source": _portable(rule.source),
                "medium": _portable(rule.medium),
                "campaign": _portable(rule.campaign),
                "periods": [number for number in range(len(starts) + 1) if active(rule, number, starts)]
                if rule.valid_from or rule.valid_to
                else None,
            }
            for rule in all_rules
        ],
        "channel_period_starts": [start.isoformat() for start in starts],
        "simple_channels": dict(SIMPLE),
    }


def classify(
    source: str | None,
    medium: str | None,
    campaign: str | None,
    on: date | None = None,
    *,
    group: Group = "ga4",
    rules: Sequence[Rule] | None = None,
    sources: Mapping[str, Site] | None = None,
) -> Decision:
    """The channel of one visit on a day (today in UTC unless given), by the first rule that holds."""
    day = on or datetime.now(UTC).date()
    said = _as_said(source, medium, campaign)
    matched = _find(said[0], _listed() if sources is None else sources)
    category = matched[1].category if matched else ""
    for rule in _built_in() if rules is None else rules:
        if rule.is_in_force(day) and rule.holds(category, *said):
            return Decision(
                channel=SIMPLE.get(rule.channel, rule.channel) if group == "simple" else rule.channel,
                rule=rule.rule,
                reads=rule.reads,
                source_category=category or None,
                matched_source=matched[0] if matched else None,
            )
    raise AssertionError("the last rule has no conditions")


def known_source(source: str) -> Site | None:
    """What a bare name, a host or a domain is on the list of known sources, as it stands or by its domain."""
    matched = _find(source.strip().lower(), _listed())
    return matched[1] if matched else None


def sources() -> Mapping[str, Site]:
    """The list of known sources: the dbt seed itself."""
    return _listed()


def _as_said(source: str | None, medium: str | None, campaign: str | None) -> tuple[str, str, str]:
    """The three as an event's are read, lower-cased for matching; what says nothing is (direct) / (none)."""
    said = tuple(_text(value) for value in (source, medium, campaign))
    is_direct = said[0] == "(direct)" and said[1] in ("", "(none)")
    if is_direct or said == ("", "", ""):
        return "(direct)", "(none)", ""
    return said[0], said[1], said[2]


def _text(value: str | None) -> str:
    text = (value or "").strip().lower()
    return "" if text in ("(not set)", "(data deleted)") else text


def _find(source: str, listed: Mapping[str, Site]) -> tuple[str, Site] | None:
    if source in listed:
        return source, listed[source]
    domain = _domain(source) if "." in source else None
    return (domain, listed[domain]) if domain and domain in listed else None


_domain = lru_cache(maxsize=65536)(source_domain)


def _custom(number: int, custom: CustomRule) -> Rule:
    patterns = {"source": custom.source, "medium": custom.medium, "campaign": custom.campaign}
    reads = " and ".join(f"{column} matches {pattern}" for column, pattern in patterns.items() if pattern)
    since = f", from {custom.valid_from}" if custom.valid_from else ""
    until = f", until {custom.valid_to}" if custom.valid_to else ""
    return Rule(
        rule=f"custom-{number}",
        channel=custom.channel,
        source_category="",
        source=custom.source or "",
        medium=custom.medium or "",
        campaign=custom.campaign or "",
        reads=f"your own rule {number}: {reads}{since}{until}",
        valid_from=custom.valid_from,
        valid_to=custom.valid_to,
        custom=True,
    )


@cache
def _built_in() -> tuple[Rule, ...]:
    return tuple(
        Rule(
            rule=row["rule"],
            channel=row["channel"],
            source_category=row["source_category"],
            source=row["source"],
            medium=row["medium"],
            campaign=row["campaign"],
            reads=row["reads"],
        )
        for row in _rows("channel_rules.csv")
    )


@cache
def _listed() -> Mapping[str, Site]:
    rows = _rows("dbt/seeds/traffic_sources.csv")
    return {row["source"]: Site(row["category"], row["name"]) for row in rows}


def _rows(path: str) -> list[dict[str, str]]:
    text = files("headwater").joinpath(path).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


# Patterns: written once for Python's re, RE2 (DuckDB, BigQuery) and PostgreSQL.

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\\\]])*\]|.", re.DOTALL)
_MEMBER = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)
_SHORTHANDS = {r"\d": "0-9", r"\s": r" \t\n\r\f\v"}  # what is a digit or a space differs between the engines


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_portable(pattern))


def _portable(pattern: str) -> str:
    """The pattern for a lower-cased value, the whole of it, where `.` is any character on every engine."""
    if not pattern:
        return ""
    return f"(?s)^(?:{''.join(_lowered(piece) for piece in _PIECE.findall(pattern))})$"


def _lowered(piece: str) -> str:
    if piece in _SHORTHANDS:
        return f"[{_SHORTHANDS[piece]}]"
    if len(piece) > 1 and piece.startswith("["):
        opening = "[^" if piece.startswith("[^") else "["
        return opening + "".join(_lowered_member(m) for m in _MEMBER.finditer(piece[len(opening) : -1])) + "]"
    return _lowered_character(piece)


def _lowered_member(member: re.Match[str]) -> str:
    """One character or range of a [class]; a range that crosses the capitals gains their small letters."""
    first, last = member.groups()
    if first in _SHORTHANDS:
        return _SHORTHANDS[first] + (rf"\-{_lowered_character(last)}" if last else "")
    if last is None:
        return _escaped(_lowered_character(first))
    low, high = max(first[-1], "A"), min(last[-1], "Z")
    small = f"{low.lower()}-{high.lower()}" if low <= high else ""
    return f"{_escaped(first)}-{_escaped(last)}{small}"


def _escaped(member: str) -> str:
    return "\\" + member if member in ("]", "[", "-", "^", "&", "~", "|") else member


def _lowered_character(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == len(character) else character
