"""What is never kept: without consent, in addresses, of machines."""

import json
import time
from typing import Any

import pytest

from headwater.collect import privacy
from headwater.collect.privacy import Consent

AT = time.time_ns() // 1000
NO_ANALYTICS = Consent(analytics=False)
NO_ADS = Consent(ads=False)
NEITHER = Consent(analytics=False, ads=False)


@pytest.mark.parametrize(
    ("gcs", "gcd", "consent"),
    [
        (None, None, Consent()),
        ("G111", None, Consent()),
        ("G100", None, NEITHER),
        ("G110", None, NO_ANALYTICS),
        ("G101", None, NO_ADS),
        ("G1--", None, Consent()),
        (None, "13l3l3l3l1l1", Consent()),
        (None, "11t1t1t1t5", Consent()),
        (None, "13q3r3r3r5", NO_ADS),
        (None, "13r3q3r3r5", NO_ANALYTICS),
        (None, "13r3r3u3r5", NO_ADS),
        (None, "13r3r3r3m5", Consent()),  # personalization alone
        (None, "13p3p3p3p5", NEITHER),
        ("G111", "13r3p3r3r5", NO_ANALYTICS),
    ],
)
def test_consent_of_a_tag(gcs: str | None, gcd: str | None, consent: Consent) -> None:
    assert privacy.consent_of_tag(gcs, gcd) == consent


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        (None, Consent()),
        ("denied", Consent()),
        ({"ad_user_data": "GRANTED", "ad_personalization": "DENIED"}, Consent()),
        ({"ad_user_data": "DENIED"}, NO_ADS),
        ({"ad_storage": " denied "}, NO_ADS),
        ({"analytics_storage": "denied"}, NO_ANALYTICS),
        ({"analytics_storage": False}, NO_ANALYTICS),
        ({"analytics_storage": "granted", "ad_storage": 7}, Consent()),
    ],
)
def test_consent_in_words(said: Any, consent: Consent) -> None:
    assert privacy.consent_in_words(said) == consent


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://a.example/?q=joe@example.com&b=1", "https://a.example/?q=(redacted)&b=1"),
        ("https://a.example/?q=joe.b%2Bx%40mail.example.co.uk#x", "https://a.example/?q=(redacted)#x"),
        ("https://a.example/?u=%2Fx%3Fm%3Djoe%2540example.com", "https://a.example/?u=(redacted)"),
        ("mailto:joe@example.com,ann@example.org", "mailto:(redacted),(redacted)"),
        ("jürgen@müller.example", "(redacted)"),
        ("https://medium.example/@joe", "https://medium.example/@joe"),
        ("a@b", "a@b"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_emails(text: str, left: str) -> None:
    assert privacy.without_emails(text) == left


@pytest.mark.parametrize(
    "text", ["@" * 200_000, "a" * 200_000 + "@", "a@" * 100_000, "a@b.c" * 40_000, "%" * 200_000]
)
def test_many_signs_take_no_time(text: str) -> None:
    started = time.process_time()
    privacy.without_emails(text)
    privacy.without_click_ids("page_location", text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("agent", "category", "is_bot"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/125.0 Safari/537.36", "desktop", False),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.0 Safari/605.1.15", "desktop", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148", "mobile", False),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/125.0 Mobile Safari/537.36", "mobile", False),
        ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/125.0 Safari/537.36", "tablet", False),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) Mobile/15E148", "tablet", False),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) TV Safari/537.36", "tv", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", None, True),
        ("Mozilla/5.0 AppleWebKit/537.36 (compatible; bingbot/2.0) Chrome/116.0 Safari/537.36", None, True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/125.0", "desktop", True),
        ("Mozilla/5.0 (X11; Linux x86_64) CUBOT/1 Robotics", "desktop", True),
        ("", None, False),
    ],
)
def test_devices(agent: str, category: str | None, is_bot: bool) -> None:
    assert privacy.device(agent) == (category, is_bot)


HIT = {"v": "2", "tid": "G-P", "cid": "77.88", "sid": "5", "_p": "1", "_s": "1", "en": "page_view"}


def test_denied_analytics_keep_a_name_and_a_time(door: Any) -> None:
    answer, (row,) = door.post(
        "/g/collect", params=HIT | {"gcs": "G110", "uid": "joe", "dl": "https://a.example/?gclid=zz"}
    )
    assert answer.status_code == 204
    assert (row["reason"], row["key"], row["origin"]) == ("consent_denied", None, "/g/collect")
    assert json.loads(row["body"]) == {"event_name": "page_view", "event_timestamp": str(row["received_at"])}

    body = {"client_id": "77.88", "consent": {"analytics_storage": "DENIED"}, "timestamp_micros": AT}
    answer, (row,) = door.post("/mp/collect?measurement_id=G-P", json=body | {"events": [{"name": "a"}]})
    assert (answer.status_code, answer.json()["events"][0]["reason"]) == (422, "consent_denied")
    assert json.loads(row["body"]) == {"event_name": "a", "event_timestamp": str(AT)}

    event = {"event_name": "b", "event_timestamp": AT, "user_pseudo_id": "77.88"}
    _, (row,) = door.post("/v1/events", json=[event | {"consent": {"analytics_storage": "denied"}}])
    assert (row["reason"], json.loads(row["body"])) == (
        "consent_denied",
        {"event_name": "b", "event_timestamp": str(AT)},
    )


def test_denied_ads_keep_the_channel_and_no_click_id(door: Any) -> None:
    page = "https://a.example/?x=1&gclid=SECRETCLICK&y=2"
    _, (row,) = door.post(
        "/g/collect", params=HIT | {"gcs": "G101", "dl": page, "ep.gclid": "SECRETCLICK", "_s": "2"}
    )
    event = json.loads(row["body"])
    assert event["page_location"] == "https://a.example/?x=1&gclid=denied&y=2"
    assert event["params"]["gclid"] == "denied"
    assert event["user_pseudo_id"] == "77.88"

    event = {"event_name": "b", "event_timestamp": AT, "user_pseudo_id": "d", "gclid": "SECRETCLICK"}
    event |= {"page_referrer": page, "consent": {"ad_storage": "denied"}, "params": {"FBCLID": "SECRETCLICK"}}
    refused = event | {"event_timestamp": "SOON"}
    _, rows = door.post("/v1/events", json=[event, refused])
    assert [row["reason"] for row in rows] == [None, "invalid_timestamp"]
    kept = json.loads(rows[0]["body"])
    assert (kept["gclid"], kept["params"]["FBCLID"]) == ("denied", "denied")
    assert "SECRETCLICK" not in str(rows)

    _, (row,) = door.post(
        "/g/collect", params=HIT | {"gcs": "G101", "dl": page, "ep.gclid": "SECRETCLICK", "sid": "x"}
    )
    assert row["reason"] == "invalid_number"
    assert "SECRETCLICK" not in str(row)


def test_emails_in_addresses(door: Any) -> None:
    event = {
        "event_name": "click",
        "event_timestamp": AT,
        "user_pseudo_id": "mail",
        "page_location": "https://a.example/?m=joe@example.com",
        "page_referrer": "https://a.example/?m=joe%40example.com",
        "link_url": "mailto:joe@example.com",
        "params": {
            "search": "/find?m=joe@example.com",
            "links": ["https://a.example/joe@example.com"],
            "text": "a @ b",
        },
    }
    _, (row,) = door.post("/v1/events", json=[event])
    assert b"joe" not in row["body"]
    kept = json.loads(row["body"])
    assert kept["page_location"] == kept["page_referrer"] == "https://a.example/?m=(redacted)"
    assert kept["params"]["links"] == ["https://a.example/(redacted)"]
    assert kept["params"]["text"] == "a @ b"


def test_no_address_and_no_user_agent(door: Any) -> None:
    agent = "Mozilla/5.0 (iPhone; SECRETAGENT)"
    event = {
        "event_name": "a",
        "event_timestamp": AT,
        "user_pseudo_id": "ip",
        "ip": "203.0.113.9",
        "user_agent": agent,
    }
    refused = event | {"params": {"ip_address": "203.0.113.9", "user_agent": agent}, "event_name": ""}
    headers = {"user-agent": "Mozilla/5.0 (X11; Linux; SECRETAGENT)", "x-forwarded-for": "203.0.113.9"}
    _, rows = door.post("/v1/events", json=[event, refused], headers=headers)
    body = {
        "client_id": "ip",
        "ip_override": "203.0.113.9",
        "user_agent": agent,
        "user_data": {"sha256_email": "SECRETAGENT"},
    }
    _, more = door.post(
        "/mp/collect?measurement_id=G", json=body | {"events": [{"name": "a"}, {"name": ""}]}, headers=headers
    )
    hit = HIT | {"uaa": "SECRETAGENT", "uafvl": "SECRETAGENT", "_uip": "203.0.113.9"}
    _, tag = door.post("/g/collect", params=hit | {"_s": "3"}, headers=headers)
    _, bad = door.post("/g/collect", params=hit | {"sid": "x"}, headers=headers)
    rows = [*rows, *more, *tag, *bad]
    assert [bool(row["reason"]) for row in rows] == [False, True, False, True, False, True]
    assert "SECRETAGENT" not in str(rows)
    assert "203.0.113.9" not in str(rows)
    devices = [json.loads(row["body"])["params"]["device_category"] for row in rows if not row["reason"]]
    assert devices == ["mobile", "mobile", "desktop"]


def test_bots_are_marked_and_kept(door: Any) -> None:
    agent = {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    _, (row,) = door.post("/g/collect", params=HIT | {"_s": "4"}, headers=agent)
    assert json.loads(row["body"])["params"]["is_bot"] == 1
