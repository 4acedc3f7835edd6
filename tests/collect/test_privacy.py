"""What is never kept: without consent, in addresses, of machines."""

import json
import time
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import pytest

from headwater.collect import never_kept, privacy
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
        "/g/collect", params=HIT | {"gcs": "G101", "dl": page, "ep.gclid": "SECRETCLICK", "_p": "x"}
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


PLANTED = ("203.0.113.9", "SECRETAGENT")
PHONE = "Mozilla/5.0 (iPhone; SECRETAGENT)"
ADDRESSES = {
    **dict.fromkeys(("ip", "ip_override", "ip_address", "user_ip", "client_ip", "remote_addr"), PLANTED[0]),
    **dict.fromkeys(("clientIp", "clientIP", "IP", "x-forwarded-for", "X-Forwarded-For"), PLANTED[0]),
    **dict.fromkeys(("user_agent", "userAgent", "User-Agent", "ua"), PHONE),
    "user_data": {"sha256_email_address": ["SECRETAGENT"], "address": [{"city": "SECRETAGENT"}]},
}
NESTED = {"a": 1, "deep": [{"b": {**ADDRESSES, "c": 2}}]}
KEPT = {"a": 1, "deep": [{"b": {"c": 2}}]}
HEADERS = {"user-agent": "Mozilla/5.0 (X11; Linux; SECRETAGENT)", "x-forwarded-for": PLANTED[0]}


def assert_clean(rows: list[dict[str, Any]]) -> None:
    for planted in PLANTED:
        assert planted not in str(rows)


def test_no_address_and_no_user_agent_of_canonical_events(door: Any) -> None:
    params = {**ADDRESSES, **NESTED, "user_properties": {**ADDRESSES, "tier": "gold"}}
    event = {"event_name": "a", "event_timestamp": AT, "user_pseudo_id": "ip", **ADDRESSES, "params": params}
    in_text = event | {"event_id": "text", "params": json.dumps(params)}
    events = [
        event,
        event | {"event_name": ""},
        in_text,
        in_text | {"event_name": ""},
        event | {"params": [params]},
    ]
    _, rows = door.post("/v1/events", json=events, headers=HEADERS)
    assert [row["reason"] for row in rows] == [
        *(None, "missing_event_name", None, "missing_event_name", "malformed_json")
    ]
    assert_clean(rows)
    kept = {**KEPT, "user_properties": {"tier": "gold"}}
    for row in (rows[0], rows[2]):
        assert json.loads(row["body"])["params"] == kept | {"device_category": "mobile"}
    assert json.loads(rows[1]["body"])["params"] == kept

    broken = json.dumps(event)[:-1] + ', "ip": "203.0.113.9", }'
    _, (row,) = door.post("/v1/events", content=broken, headers=HEADERS)
    assert row["reason"] == "malformed_json"
    assert_clean([row])

    changed = json.dumps(events[0]).replace(PLANTED[0], "198.51.100.1")
    answer, rows = door.post("/v1/events", content=f"[{changed},{changed}]", headers=HEADERS)
    assert [one["status"] for one in answer.json()["events"]] == ["duplicate", "accepted"]


def test_no_address_and_no_user_agent_of_the_measurement_protocol(door: Any) -> None:
    event = {"name": "a", "params": {**ADDRESSES, **NESTED, "value": 1}, **ADDRESSES}
    body = {
        "client_id": "ip",
        "timestamp_micros": AT,
        **ADDRESSES,
        "user_properties": {
            **{name: {"value": value} for name, value in ADDRESSES.items()},
            "tier": {"value": 1},
        },
    }
    events = [event, event | {"name": ""}, event | {"params": [ADDRESSES]}]
    _, rows = door.post("/mp/collect?measurement_id=G-IP", json=body | {"events": events}, headers=HEADERS)
    assert [row["reason"] for row in rows] == [None, "missing_event_name", "malformed_json"]
    assert_clean(rows)
    kept = {**KEPT, "user_properties": {"tier": {"value": 1}}, "device_category": "mobile"}
    assert json.loads(rows[0]["body"])["params"] == kept
    letter = json.loads(rows[1]["body"])
    assert letter["events"] == [{"name": "", "params": {**KEPT, "value": 1}}]
    assert letter["user_properties"] == {"tier": {"value": 1}}

    twice = json.dumps(body | {"events": [event]})[:-3] + ', "name": "b"}]}'
    _, (row,) = door.post("/mp/collect?measurement_id=G-IP", content=twice, headers=HEADERS)
    assert row["reason"] == "malformed_json"
    assert_clean([row])

    other = json.dumps(body | {"events": events[:1]}).replace(PLANTED[0], "198.51.100.1")
    _, first = door.post("/mp/collect?measurement_id=G-IP2", content=other, headers=HEADERS)
    answer, again = door.post(
        "/mp/collect?measurement_id=G-IP2", json=body | {"events": events[:1]}, headers=HEADERS
    )
    assert (len(first), answer.status_code, again) == (1, 204, [])


def test_no_address_and_no_user_agent_of_a_tag(door: Any) -> None:
    texts = {name: value for name, value in ADDRESSES.items() if isinstance(value, str)}
    own = {
        f"{kind}{name}": value for name, value in texts.items() for kind in ("", "ep.", "epn.", "up.", "upn.")
    }
    own |= {"uaa": "SECRETAGENT", "uafvl": "SECRETAGENT", "_uip": PLANTED[0], "ep.user_data": "SECRETAGENT"}
    hit = HIT | own | {"up.tier": "gold", "_p": "3"}
    for method, line in (("GET", ""), ("POST", urlencode(own | {"en": "b"}))):
        before = door.last_seq()
        door.http.request(method, "/g/collect", params=hit, content=line, headers=HEADERS)
        door.http.request(method, "/g/collect", params=hit | {"sct": "x"}, content=line, headers=HEADERS)
        rows = door.rows(before)
        assert [row["reason"] for row in rows] == [None, "invalid_number"]
        assert_clean(rows)
        kept = {"user_properties": {"tier": {"value": "gold"}}, "device_category": "desktop"}
        assert json.loads(rows[0]["body"])["params"] == kept
        hidden = urlencode(hit).replace("ep.ip=", "ep.%69p=")
        _, (row,) = door.post(f"/g/collect?{hidden}&sct=x", headers=HEADERS)
        assert row["reason"] == "invalid_number"
        assert_clean([row])
    _, rows = door.post("/g/collect", params=hit | {"ep.ip": "198.51.100.1"}, headers=HEADERS)
    assert rows == []


@pytest.mark.parametrize(
    ("original", "kept"),
    [
        (b'{"a": 1, "ip": "1.2.3.4", "ua": {"x": [1, "}"]}}', b'{"a": 1}'),
        (b'{"ip": "1.2.3.4",  "a":  1}', b'{  "a":  1}'),
        (b'{"ip": "1.2.3.4"}', b"{}"),
        (b'[{"ip":1},{"ip":2}]', b"[{},{}]"),
        (b'{"text": "an \\"ip\\": 5, and", "ips": "ip"}', b'{"text": "an \\"ip\\": 5, and"}'),
        (b'{"ip": "1.2.3.4', b"{"),
        (b'{"ip": [["1.2.3.4"', b"{"),
        (b'{"ip": "a\\"b,c", "a": 1}', b'{ "a": 1}'),
        (b'{"trip": "ip", "a": "x"}', b'{"trip": "ip", "a": "x"}'),
    ],
)
def test_an_original_keeps_its_other_bytes(original: bytes, kept: bytes) -> None:
    assert never_kept.original_without(original) == kept


@pytest.mark.parametrize(
    "piece",
    [b'"ip":1,', b'{"ip":1}', b'"ip"  ', b'"ip":[', b'"ip":"', b'"ip"', b"  ", b'\\"', b'"ip":{"ua":'],
)
def test_a_long_original_takes_no_time(piece: bytes) -> None:
    original = piece * (2_000_000 // len(piece))
    started = time.process_time()
    never_kept.original_without(original)
    assert time.process_time() - started < 10


BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/125.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "AdsBot-Google (+http://www.google.com/adsbot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mediapartners-Google",
        "Mozilla/5.0 (compatible; YandexMetrika/2.0; +http://yandex.com/bots)",
        "YandexMetrika/2.0",
        "Claude-User/1.0",
        "ChatGPT-User/1.0",
        "Mozilla/5.0 (X11; Linux) Cypress/13.6.0 Chrome/118.0 Electron/27.0 Safari/537.36",
        "curl/8.5.0",
        "Wget/1.21",
        "python-requests/2.31",
        "okhttp/4.12.0",
        "Go-http-client/2.0",
        "axios/1.6.0",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "node",
        "Apache-HttpClient/4.5 (Java/17)",
        "Playwright/1.49",
        "PostmanRuntime/7.36",
    ],
)
def test_bots_are_marked_and_kept(door: Any, agent: str) -> None:
    said: list[dict[str, Any]] = []
    page = str(crc32(agent.encode()))
    _, (row,) = door.post("/g/collect", params=HIT | {"_p": page}, headers={"user-agent": agent})
    said.append(json.loads(row["body"]))
    body = {"client_id": page, "user_agent": agent, "events": [{"name": "a"}]}
    _, (row,) = door.post("/mp/collect?measurement_id=G-BOT", json=body)
    said.append(json.loads(row["body"]))
    assert [one["params"]["is_bot"] for one in said] == [1, 1]


@pytest.mark.parametrize("agent", [BROWSER, "okhttp/4.12.0", "python-requests/2.31", "Googlebot/2.1"])
def test_a_servers_own_agent_says_nothing_of_the_visitor(door: Any, agent: str) -> None:
    headers = {"user-agent": agent}
    body = {"client_id": f"server {agent}", "events": [{"name": "a"}]}
    _, (mp,) = door.post("/mp/collect?measurement_id=G-BOT", json=body, headers=headers)
    event = {"event_name": "a", "event_timestamp": AT, "user_pseudo_id": f"server {agent}"}
    _, (canonical,) = door.post("/v1/events", json=[event], headers=headers)
    for row in (mp, canonical):
        assert "is_bot" not in json.loads(row["body"]).get("params", {})


@pytest.mark.parametrize(
    "agent", [BROWSER, "Mozilla/5.0 (Linux; Android 14; CUBIT Java) Chrome/1 Mobile", ""]
)
def test_people_are_not_bots(door: Any, agent: str) -> None:
    page = str(crc32(agent.encode()))
    _, (row,) = door.post("/g/collect", params=HIT | {"_p": page}, headers={"user-agent": agent})
    assert "is_bot" not in json.loads(row["body"]).get("params", {})
