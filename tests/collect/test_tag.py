"""Hits of Google's tag, read: what differs from line to line, its items, its campaign, its session."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.collect import gtag
from headwater.collect.canon import Receipt
from headwater.collect.tag_items import item_of
from headwater.journal.arrival import Arrival

RECEIPT = Receipt("/g/collect", 1_780_000_000_000_000, 10**18)
HIT = {"v": "2", "tid": "G-T", "cid": "77.88", "sid": "1717000000", "_p": "1", "_s": "1"}


def arrivals(*lines: dict[str, str], **shared: str) -> list[Arrival]:
    body = "\r\n".join(urlencode(line) for line in lines)
    return gtag.arrivals_of(urlencode(HIT | shared).encode(), body.encode(), RECEIPT)


def event(**hit: str) -> dict[str, Any]:
    (one,) = arrivals(**{"en": "page_view", **hit})
    assert one.reason is None, one.detail
    said: dict[str, Any] = json.loads(one.body)
    return said


@pytest.mark.parametrize(
    ("denied", "granted"),
    [
        ({"gcs": "G100"}, {"gcs": "G111"}),
        ({"gcd": "13p3p3p3p5"}, {"gcd": "13r3r3r3r5"}),
        ({"gcs": "G111", "gcd": "13r3p3r3r5"}, {"gcs": "G111", "gcd": "13r3r3r3r5"}),
    ],
)
def test_consent_is_each_events_own(denied: dict[str, str], granted: dict[str, str]) -> None:
    first, second = arrivals(
        denied | {"en": "page_view", "ep.mail": "SECRET"}, granted | {"en": "purchase"}, dl="https://s/"
    )
    assert (first.reason, second.reason) == ("consent_denied", None)
    assert json.loads(first.body) == {
        "event_name": "page_view",
        "event_timestamp": str(RECEIPT.received_at),
    }
    assert json.loads(second.body)["user_pseudo_id"] == "77.88"


def test_a_lines_consent_counts_over_the_shared_one() -> None:
    first, second = arrivals({"en": "a", "gcs": "G111"}, {"en": "b"}, gcs="G100")
    assert (first.reason, second.reason) == (None, "consent_denied")
    page = "https://s.example/?gclid=SECRET"
    first, second = arrivals({"en": "a", "gcs": "G101"}, {"en": "b"}, gcs="G111", dl=page)
    assert b"SECRET" not in first.body
    assert b"SECRET" in second.body


def coded(fields: dict[str, str], own: dict[str, str]) -> str:
    """An item as the tag writes it."""
    parts = [f"{code}{value.replace('~', '~~')}" for code, value in fields.items()]
    for place, (name, value) in enumerate(own.items()):
        parts += [f"k{place}{name.replace('~', '~~')}", f"v{place}{value.replace('~', '~~')}"]
    return "~".join(parts)


texts = st.text(st.sampled_from("~ab&=k0%é ") | st.characters(), max_size=8)


@given(
    st.fixed_dictionaries({"id": texts}, optional={"nm": texts, "br": texts, "ca": texts, "xx": texts}),
    st.dictionaries(texts.map(lambda name: f"own {name}"), texts, max_size=3),
)
def test_an_item_is_read_as_it_was_written(fields: dict[str, str], own: dict[str, str]) -> None:
    names = {"id": "item_id", "nm": "item_name", "br": "item_brand", "ca": "item_category"}
    assert (
        item_of(coded(fields, own)) == {names.get(code, code): value for code, value in fields.items()} | own
    )


def test_an_item_with_tildes() -> None:
    assert event(pr1="id~~7~nmRed ~~ blue~~~pr9.5~k0a~~b~v0~~")["items"] == [
        {"item_id": "~7", "item_name": "Red ~ blue~", "price": 9.5, "a~b": "~"}
    ]


def test_a_campaign_that_the_tag_was_told() -> None:
    said = event(
        cs="news", cm="email", cn="spring", ck="red shoes", cc="top", ci="77", dl="https://s/?utm_source=x"
    )
    assert {name: said[name] for name in ("source", "medium", "campaign", "term", "content")} == {
        "source": "news",
        "medium": "email",
        "campaign": "spring",
        "term": "red shoes",
        "content": "top",
    }
    assert said["params"] == {"campaign_id": "77"}


@pytest.mark.parametrize("ignore", ["1", "true"])
def test_a_referrer_that_is_to_be_ignored(ignore: str) -> None:
    said = event(ir=ignore, dr="https://pay.example/")
    assert "page_referrer" not in said
    assert said["params"] == {"ignore_referrer": ignore, "page_referrer": "https://pay.example/"}
    assert event(ir="0", dr="https://pay.example/")["page_referrer"] == "https://pay.example/"


@pytest.mark.parametrize(
    ("sid", "session", "kept"),
    [
        ("1717000000", 1717000000, {}),
        ("s1717000000$o3$g1$t1717000123$j60$l0$h0", 1717000000, {}),
        ("1717000000.0", 1717000000, {}),
        ("", None, {}),
        ("abc", None, {"sid": "abc"}),
        ("s17", None, {"sid": "s17"}),
        ("1.5", None, {"sid": "1.5"}),
        ("9" * 50, None, {"sid": "9" * 50}),
        ("s" + "9" * 50 + "$o1", None, {"sid": "s" + "9" * 50 + "$o1"}),
        ("١٢", None, {"sid": "١٢"}),
    ],
)
def test_an_event_is_worth_more_than_its_session(sid: str, session: int | None, kept: dict[str, str]) -> None:
    said = event(sid=sid, en="purchase")
    assert (said.get("ga_session_id"), said.get("params", {})) == (session, kept)


def test_a_session_that_is_none_is_nobody() -> None:
    (one,) = arrivals(en="a", cid="", sid="abc")
    assert one.reason == "no_identity"
