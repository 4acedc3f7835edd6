import csv
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.channels import (
    SIMPLE,
    Rule,
    active,
    check_pattern,
    classify,
    dbt_vars,
    known_source,
    periods,
    rules,
    sources,
)
from headwater.domains import registrable_domain


@dataclass
class Own:
    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("(direct)", "(none)", "", "Direct"),
        (" (Direct) ", "(Not Set)", None, "Direct"),
        ("(direct)", None, "cross-network", "Direct"),
        (None, None, None, "Direct"),
        ("(not set)", "(data deleted)", "", "Direct"),
        ("google", "cpc", "Spring Cross-Network 5", "Cross-network"),
        (None, None, "cross-network", "Cross-network"),
        ("amazon.de", "cpc", "", "Paid Shopping"),
        ("google", "cpc", "Summer Shop", "Paid Shopping"),
        ("google", "CPC", "", "Paid Search"),
        ("google", "cpm", "", "Paid Search"),
        ("bing", "retargeting", "", "Paid Search"),
        ("fr.search.yahoo.com", "paidsearch", "", "Paid Search"),
        ("m.facebook.com", "paid_social", "", "Paid Social"),
        ("tiktok", "cp", "", "Paid Social"),
        ("youtube.com", "cpv", "", "Paid Video"),
        ("adnetwork", "cpm", "", "Display"),
        ("adnetwork", "Interstitial", "", "Display"),
        ("adnetwork", "cpc", "", "Paid Other"),
        ("adnetwork", "cp", "", "Paid Other"),
        ("chatgpt.com", "cpc", "", "Paid Other"),
        ("shop.app", "referral", "", "Organic Shopping"),
        ("newsletter", "email", "eshop", "Organic Shopping"),
        ("newsletter", "email", "shopping-days", "Organic Shopping"),
        ("someone.blogspot.com", "referral", "", "Organic Social"),
        ("partner", "social network", "", "Organic Social"),
        ("vimeo.com", "referral", "", "Organic Video"),
        ("partner", "my-videos", "", "Organic Video"),
        ("anything", "ai-assistant", "", "AI Assistant"),
        ("gemini.google.com", "referral", "", "AI Assistant"),
        ("copilot.microsoft.com", "", "", "AI Assistant"),
        ("gemini.google.com", "organic", "", "Organic Search"),
        ("google", "", "", "Organic Search"),
        ("baidu.com", "referral", "", "Organic Search"),
        ("unknown", "organic", "", "Organic Search"),
        ("example.org", "referral", "", "Referral"),
        ("mail.google.com", "referral", "", "Referral"),
        ("example.org", "app", "", "Referral"),
        ("newsletter", "E-Mail", "workshop", "Email"),
        ("e mail", "blast", "bishop", "Email"),
        ("partner", "affiliate", "", "Affiliates"),
        ("spotify", "audio", "", "Audio"),
        ("sms", "text", "", "SMS"),
        ("tool", "sms", "", "SMS"),
        ("tool", "web-push", "", "Mobile Push Notifications"),
        ("tool", "in-mobile-app", "", "Mobile Push Notifications"),
        ("firebase", "fcm", "", "Mobile Push Notifications"),
        ("(not set)", "print", "(not set)", "Unassigned"),
        ("tool", "(none)", "", "Unassigned"),
        (None, None, "spring", "Unassigned"),
    ],
)
def test_ga4_channel(source: str | None, medium: str | None, campaign: str | None, channel: str) -> None:
    assert classify(source, medium, campaign).channel == channel


def test_the_cases_above_leave_no_channel_out() -> None:
    mark = test_ga4_channel.pytestmark[0]  # type: ignore[attr-defined]
    assert {case[-1] for case in mark.args[1]} == {rule.channel for rule in rules()} == set(SIMPLE)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("chatgpt.com", "chatgpt"), ("gemini.google.com", "gemini"), ("copilot.microsoft.com", "copilot"),
        ("claude.ai", "claude"), ("www.perplexity.ai", "perplexity"), ("chat.deepseek.com", "deepseek"),
        ("grok.com", "grok"), ("meta.ai", "meta ai"), ("chat.mistral.ai", "mistral"), ("you.com", "you.com"),
        ("poe.com", "poe"), ("phind.com", "phind"), ("kimi.moonshot.cn", "kimi"), ("chat.qwen.ai", "qwen"),
        ("www.doubao.com", "doubao"),
    ],
)  # fmt: skip
def test_ai_assistants_are_known_by_host_and_by_name(host: str, name: str) -> None:
    assert known_source(host) == known_source(name) == ("ai", name)
    assert classify(host, "referral", None).channel == "AI Assistant"
    assert classify(name, None, None).channel == "AI Assistant"


def test_a_source_is_found_as_it_stands_before_its_domain() -> None:
    assert known_source("mail.google.com") == ("other", "mail.google.com")
    assert known_source("never-listed.google.com") == ("search", "google")
    assert classify("never-listed.google.com", "", "").matched_source == "google.com"
    assert known_source("example.org") is None


def test_the_list_is_large_sorted_and_written_as_it_is_looked_up() -> None:
    text = files("headwater").joinpath("dbt/seeds/traffic_sources.csv").read_text(encoding="utf-8")
    rows = [(row["category"], row["source"], row["name"]) for row in csv.DictReader(text.splitlines())]
    assert rows == sorted(rows, key=lambda row: row[:2])
    assert len({source for _, source, _ in rows}) == len(rows)
    assert all(cell == cell.strip().lower() and cell for row in rows for cell in row)
    count = Counter(category for category, _, _ in rows)
    assert count.keys() == {"search", "social", "shopping", "video", "ai", "other"}
    assert count["search"] > 300
    assert count["social"] > 500
    assert count["shopping"] > 300
    assert count["video"] > 100


def test_other_hosts_are_named_by_themselves_under_a_listed_domain() -> None:
    for source, (category, name) in sources().items():
        if category == "other":
            assert name == source
            assert source.startswith("com.") or registrable_domain(source) != source


def test_the_documented_table_is_the_list_of_rules() -> None:
    page = (Path(__file__).parent.parent / "docs" / "channels.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", page, re.MULTILINE)
    assert documented == [(rule.rule, rule.channel) for rule in rules()]


def test_the_first_rule_that_holds_says_why() -> None:
    decision = classify("google", "cpc", "brand")
    assert (decision.rule, decision.reads) == ("paid-search", "a search site with a paid medium")
    assert (decision.source_category, decision.matched_source) == ("search", "google")
    assert classify("tool", "print", "").matched_source is None


def test_simple_rolls_up_and_leaves_the_users_own_channels_alone() -> None:
    own = rules([Own("Partners", source="partner-[0-9]+"), Own("Paid Search", source="apple ads")])
    assert classify("amazon", "cpc", "", group="simple").channel == "Paid Search"
    assert classify("claude.ai", "", "", group="simple").channel == "Referral"
    assert classify("x", "print", "", group="simple").channel == "Social"
    assert classify("tool", "print", "", group="simple").channel == "Other"
    assert classify("partner-7", "cpc", "", group="simple", rules=own).channel == "Partners"
    assert set(SIMPLE.values()) == {
        "Paid Search", "Organic Search", "Social", "Email", "Referral", "Direct", "Other",
    }  # fmt: skip


def test_the_users_own_rules_come_first_match_the_whole_value_and_ignore_case() -> None:
    own = rules([Own("Partners", source=r"Partner-\d+", medium="[A-Z]+"), Own("Late", source="partner-1")])
    assert classify("PARTNER-12", "cpc", "", rules=own).rule == "custom-1"
    assert classify("my-partner-12", "cpc", "", rules=own).channel == "Paid Other"
    assert classify("partner-1", "", "", rules=own).channel == "Late"
    assert classify("partner-12", "cpc", "", rules=own).reads == (
        r"your own rule 1: source matches Partner-\d+ and medium matches [A-Z]+"
    )


def test_an_own_rule_is_in_force_from_its_first_to_its_last_day() -> None:
    own = [
        Own("Fair", source="fair", valid_from=date(2026, 5, 1), valid_to=date(2026, 5, 31)),
        Own("Open", source="fair", valid_from=date(2026, 5, 15)),
        Own("Closed", source="fair", valid_to=date(2026, 4, 29)),
    ]
    every = rules(own)
    on = {
        date(2026, 4, 29): "Closed",
        date(2026, 4, 30): "Unassigned",
        date(2026, 5, 1): "Fair",
        date(2026, 5, 31): "Fair",
        date(2026, 6, 1): "Open",
    }
    assert {day: classify("fair", "x", "", day, rules=every).channel for day in on} == on
    starts = periods(every)
    assert starts == [date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 15), date(2026, 6, 1)]
    for day in on:
        period = sum(start <= day for start in starts)
        assert [active(rule, period, starts) for rule in every] == [rule.is_in_force(day) for rule in every]


def test_a_rule_that_ends_on_the_last_day_of_all_has_no_period_after_it() -> None:
    assert periods(rules([Own("Ever", source="a", valid_to=date.max)])) == []


def test_dbt_gets_the_rules_in_order_with_their_periods() -> None:
    given_vars = dbt_vars(
        [Own("Fair", source="F[A-z]ir", valid_from=date(2026, 5, 1)), Own("Any", medium="m")]
    )
    first, second = given_vars["channel_rules"][:2]
    assert first == {
        "rule": "custom-1", "channel": "Fair", "source_category": "", "source": "(?s)^(?:f[A-za-z]ir)$",
        "medium": "", "campaign": "", "periods": [1],
    }  # fmt: skip
    assert second["periods"] is None
    assert given_vars["channel_rules"][-1]["rule"] == "unassigned"
    assert given_vars["channel_period_starts"] == ["2026-05-01"]
    assert given_vars["simple_channels"]["Display"] == "Other"
    assert len({rule["rule"] for rule in given_vars["channel_rules"]}) == len(given_vars["channel_rules"])


WORDS = [
    "", "(direct)", "(none)", "(not set)", "cpc", "cp", "paid", "ppc", "cpm", "eshop", "workshop",
    "summer shop", "shop", "bishop", "shopping", "workshopping", "a-shop", "xeshop", "two\nlines",
    "two\ncpc", "video", "web-push", "pushed", "cross-network", "e mail", "e-mail", "ai-assistant",
    "referral", "organic", "a.b", "partner-12", "par]-[", "é", "z_", "back\\slash", "caret^", "dash-",
    "tab\there", "nb\u00a0sp", "٣", "sm", "social media", "firebase", "$", "notification",
]  # fmt: skip
OWN_PATTERNS = [
    r"Partner-\d{1,2}", r"[A-Z]+", r"[^A-D]+", r"[A-z]+", r"[\]\-\[parz]+", r"[]^a-]+", r"É", r"a\.b|É",
    r"(cp|ppc).?", r"^cpc$", r"two.cpc", r"[^\d\s]+", r"tab\shere", r".*\\.*", r"[,-Z]+", r"caret\^", r"\$",
]  # fmt: skip


def test_every_pattern_means_the_same_in_the_warehouse_as_here() -> None:
    for pattern in OWN_PATTERNS:
        check_pattern(pattern)
    own = [Own("Own", source=pattern) for pattern in OWN_PATTERNS]
    every, rendered = rules(own), dbt_vars(own)["channel_rules"]
    with duckdb.connect() as connection:
        for rule, variables in zip(every, rendered, strict=True):
            for column in ("source", "medium", "campaign"):
                pattern = getattr(rule, column)
                alone = Rule("", "", "", pattern, "", "", "")
                for value in WORDS if pattern else ():
                    there = connection.execute(
                        "select regexp_matches(?, ?), regexp_full_match(?, ?)",
                        [value, variables[column], value, variables[column]],
                    ).fetchone()
                    assert there == (alone.holds("", value, "", ""),) * 2, (rule, value)


@pytest.mark.parametrize("pattern", OWN_PATTERNS)
def test_a_pattern_means_what_was_written_in_either_case(pattern: str) -> None:
    written = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    alone = Rule("", "", "", pattern, "", "", "")
    for value in (value for value in WORDS if value.isascii() or value == "é"):
        assert alone.holds("", value, "", "") == (written.fullmatch(value.upper()) is not None), value


@given(*[st.one_of(st.none(), st.text(), st.sampled_from([*WORDS, "google", "mail.google.com"]))] * 3)
def test_anything_has_one_of_the_channels(
    source: str | None, medium: str | None, campaign: str | None
) -> None:
    decision = classify(source, medium, campaign)
    assert decision.channel in SIMPLE
    assert classify(source, medium, campaign, group="simple").channel == SIMPLE[decision.channel]
