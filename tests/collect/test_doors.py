"""Requests as real senders make them, and exactly what each leaves in the journal."""

import gzip
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import zstandard
from ga4mp import FirebaseMP, GtagMP

AT = time.time_ns() // 1000 - 60_000_000


def event_of(row: dict[str, Any]) -> dict[str, Any]:
    assert row["reason"] is None, row
    event: dict[str, Any] = json.loads(row["body"])
    assert len(event.pop("event_id")) == 64
    assert event.pop("received_at") == row["received_at"]
    assert abs(row["received_at"] - time.time_ns() // 1000) < 60_000_000
    assert event.pop("source_kind") == "stream"
    return event


def test_measurement_protocol(door: Any) -> None:
    request = {
        "client_id": "123.456",
        "user_id": "u7",
        "timestamp_micros": AT,
        "user_properties": {"tier": {"value": "gold"}},
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148",
        "ip_override": "198.51.100.7",
        "events": [
            {
                "name": "purchase",
                "params": {
                    "session_id": "1717000000",
                    "session_number": 3,
                    "engagement_time_msec": 1200,
                    "transaction_id": "T-1",
                    "value": 123456789012.345678,
                    "currency": "EUR",
                    "page_location": "https://shop.example/thanks?gclid=abc",
                    "page_referrer": "https://pay.example/",
                    "campaign": "spring",
                    "source": "newsletter",
                    "medium": "email",
                    "gclid": "abc",
                    "items": [{"price": 10, "item_id": "SKU"}],
                    "shipping": 4.9,
                },
            },
            {"name": "login", "params": {"method": "mail"}, "timestamp_micros": AT + 5, "note": "kept"},
        ],
    }
    raw = json.dumps(request).replace("123456789012.34567", "123456789012.345678").replace("6788", "678")
    answer, rows = door.post("/mp/collect?measurement_id=G-MP&api_secret=s", content=raw)
    assert (answer.status_code, answer.content) == (204, b"")
    shared = {
        "user_properties": {"tier": {"value": "gold"}},
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
        "device_category": "mobile",
    }
    assert [event_of(row) for row in rows] == [
        {
            "stream_id": "G-MP",
            "user_pseudo_id": "123.456",
            "user_id": "u7",
            "event_name": "purchase",
            "event_timestamp": AT,
            "batch_event_index": 1,
            "ga_session_id": 1717000000,
            "ga_session_number": 3,
            "transaction_id": "T-1",
            "value": "123456789012.345678",
            "currency": "EUR",
            "page_location": "https://shop.example/thanks?gclid=abc",
            "page_referrer": "https://pay.example/",
            "campaign": "spring",
            "source": "newsletter",
            "medium": "email",
            "gclid": "abc",
            "items": [{"item_id": "SKU", "price": 10}],
            "params": {"engagement_time_msec": 1200, "shipping": 4.9, **shared},
        },
        {
            "stream_id": "G-MP",
            "user_pseudo_id": "123.456",
            "user_id": "u7",
            "event_name": "login",
            "event_timestamp": AT + 5,
            "batch_event_index": 2,
            "params": {"method": "mail", "note": "kept", **shared},
        },
    ]
    assert [row["origin"] for row in rows] == ["/mp/collect?measurement_id=G-MP"] * 2
    again, more = door.post("/mp/collect?measurement_id=G-MP&api_secret=s", content=raw)
    assert (again.status_code, more) == (204, [])


def test_an_app_without_a_time_of_its_own(door: Any) -> None:
    body = {"app_instance_id": "a" * 32, "events": [{"name": "open"}]}
    _, (row,) = door.post("/mp/collect?firebase_app_id=1:2:android:3&api_secret=s", json=body)
    event = event_of(row)
    assert event == {
        "stream_id": "1:2:android:3",
        "user_pseudo_id": "a" * 32,
        "event_name": "open",
        "event_timestamp": row["received_at"],
    }
    assert row["origin"] == "/mp/collect?firebase_app_id=1:2:android:3"


def test_measurement_protocol_refusals_keep_the_event_as_it_was(door: Any) -> None:
    body = (
        '{"client_id": "c", "ip_override": "198.51.100.7", "user_id": "u",'
        ' "events": [{"name":  "ok"}, {"params":  {"a": 1}}, 7, {"name": "x", "name": "y"},'
        ' {"name": "z", "params": []}]}'
    )
    answer, rows = door.post("/mp/collect?measurement_id=G-R&api_secret=planted", content=body)
    assert answer.status_code == 200
    report = answer.json()
    assert (report["accepted"], report["duplicates"], report["refused"]) == (1, 0, 4)
    assert [one.get("reason") for one in report["events"]] == [
        *(None, "missing_event_name", "malformed_json", "malformed_json", "malformed_json")
    ]
    assert [row["body"] for row in rows if row["reason"]] == [
        b'{"client_id":"c","user_id":"u","events":[{"params":  {"a": 1}}]}',
        b'{"client_id":"c","user_id":"u","events":[7]}',
        b'{"client_id":"c","user_id":"u","events":[{"name": "x", "name": "y"}]}',
        b'{"client_id":"c","user_id":"u","events":[{"name": "z", "params": []}]}',
    ]
    assert [row["position"] for row in rows] == [1, 2, 3, 4, 5]
    assert "planted" not in str(rows)
    none, _ = door.post("/mp/collect?measurement_id=G-R&api_secret=s", json={"events": [{"name": "x"}]})
    assert none.status_code == 422
    assert none.json()["events"][0]["reason"] == "no_identity"


@pytest.mark.parametrize(
    ("query", "body", "kind"),
    [
        ("measurement_id=G-1", b"{", "malformed"),
        ("measurement_id=G-1", b"[]", "malformed"),
        ("measurement_id=G-1", b"", "malformed"),
        ("measurement_id=G-1", b'{"client_id": "c"}', "malformed"),
        ("measurement_id=G-1", b'{"client_id": "c", "events": []}', "malformed"),
        ("measurement_id=G-1", b'{"client_id": "c", "events": 7}', "malformed"),
        ("measurement_id=G-1", b'{"client_id": "\xff", "events": [{}]}', "malformed"),
        ("", b'{"client_id": "c", "events": [{"name": "a"}]}', "malformed"),
        ("measurement_id=", b'{"client_id": "c", "events": [{"name": "a"}]}', "malformed"),
        (
            "measurement_id=G-1",
            b'{"client_id": "c", "events": [' + b",".join([b"{}"] * 26) + b"]}",
            "too_many_events",
        ),
    ],
)
def test_a_request_that_cannot_be_read_leaves_nothing(door: Any, query: str, body: bytes, kind: str) -> None:
    answer, rows = door.post(f"/mp/collect?{query}", content=body)
    assert (answer.status_code, answer.json()["error"]["type"], rows) == (400, kind, [])


def test_the_debug_path_says_what_is_wrong_and_keeps_nothing(door: Any) -> None:
    body = {
        "timestamp_micros": 5,
        "user_properties": {"user_id": {"value": 1}, "tier": {}},
        "events": [
            {"name": "first_open", "params": {"value": 1, "A": 1, "a": 2, "9x": 1, "items": [{}]}},
            {"params": {f"p{n}": n for n in range(26)}},
        ],
    }
    answer, rows = door.post("/debug/mp/collect?measurement_id=G-1", json=body)
    assert (answer.status_code, rows) == (200, [])
    told = {(one["fieldPath"], one["validationCode"]) for one in answer.json()["validationMessages"]}
    assert told == {
        ("client_id", "VALUE_REQUIRED"),
        ("timestamp_micros", "VALUE_OUT_OF_BOUNDS"),
        ("user_properties.user_id", "NAME_RESERVED"),
        ("user_properties.tier", "VALUE_REQUIRED"),
        ("events[0].name", "NAME_RESERVED"),
        ("events[0].params.A", "NAME_DUPLICATED"),
        ("events[0].params.a", "NAME_DUPLICATED"),
        ("events[0].params.9x", "NAME_INVALID"),
        ("events[0].params.items[0]", "VALUE_REQUIRED"),
        ("events[0].params.currency", "VALUE_REQUIRED"),
        ("events[1].name", "VALUE_REQUIRED"),
        ("events[1].params", "EXCEEDED_MAX_ENTITIES"),
    }
    many = {"client_id": "c", "events": [{"name": "a"}] * 26}
    answer, _ = door.post("/debug/mp/collect?measurement_id=G-1", json=many)
    assert [one["validationCode"] for one in answer.json()["validationMessages"]] == ["EXCEEDED_MAX_ENTITIES"]
    fine, _ = door.post(
        "/debug/mp/collect?measurement_id=G-1", json={"client_id": "c", "events": [{"name": "a"}]}
    )
    assert fine.json() == {"validationMessages": []}


HIT = {
    "v": "2",
    "tid": "G-TAG",
    "gtm": "45je4520v9101",
    "_p": "1717171717171",
    "gcs": "G111",
    "gcd": "13r3r3r3r5",
    "npa": "0",
    "cid": "1234567890.1717000000",
    "ul": "de-de",
    "sr": "1920x1080",
    "uaa": "x86",
    "uap": "Linux",
    "uapv": "6.1.0",
    "uafvl": "Chromium;125.0.6422.112",
    "_s": "1",
    "sid": "1717171700",
    "sct": "2",
    "seg": "1",
    "dl": "https://shop.example/?utm_source=news&utm_medium=email",
    "dr": "https://mail.example/",
    "dt": "Shop & more",
    "en": "page_view",
    "_et": "15",
    "tfd": "1234",
}
TAG_EVENT = {
    "stream_id": "G-TAG",
    "user_pseudo_id": "1234567890.1717000000",
    "batch_page_id": 1717171717171,
    "ga_session_id": 1717171700,
    "ga_session_number": 2,
    "page_location": "https://shop.example/?utm_source=news&utm_medium=email",
    "page_referrer": "https://mail.example/",
}
TAG_PARAMS = {
    "gtm": "45je4520v9101",
    "gcs": "G111",
    "gcd": "13r3r3r3r5",
    "npa": "0",
    "language": "de-de",
    "screen_resolution": "1920x1080",
    "page_title": "Shop & more",
    "session_engaged": "1",
    "tfd": "1234",
    "device_category": "desktop",
}
CHROME = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/125.0.0.0 Safari/537.36"}


def test_a_hit_of_a_tag_and_its_retry(door: Any) -> None:
    answer, (row,) = door.post("/g/collect", params=HIT, headers=CHROME)
    assert (answer.status_code, answer.content) == (204, b"")
    assert event_of(row) == TAG_EVENT | {
        "event_name": "page_view",
        "event_timestamp": row["received_at"],
        "batch_ordering_id": 1,
        "params": TAG_PARAMS | {"engagement_time_msec": 15},
    }
    again, rows = door.post("/g/collect", params=HIT | {"tfd": "9999", "_z": "fetch"}, headers=CHROME)
    assert (again.status_code, rows) == (204, [])
    _, rows = door.post("/g/collect", params=HIT | {"_s": "2"}, headers=CHROME)
    assert len(rows) == 1
    assert door.http.get("/g/collect", params=HIT, headers=CHROME).status_code == 204
    assert door.rows(row["seq"])[1:] == []


def test_several_events_in_one_hit(door: Any) -> None:
    shared = {name: value for name, value in HIT.items() if name not in ("en", "_et")} | {
        "_s": "7",
        "cu": "EUR",
    }
    lines = [
        "en=add_to_cart&epn.value=12.50&pr1=idSKU~nmRed+shoe~brAcme~caShoes~pr12.50~qt1~k0colour~v0red&_et=20",
        "en=purchase&ep.transaction_id=T9&epn.value=12.50&ep.coupon=X&epn.tax=2&up.tier=gold&upn.age=7",
        "ep.lonely=1",
    ]
    answer, rows = door.post(
        "/g/collect",
        params=shared,
        content="\r\n".join(lines),
        headers=CHROME | {"content-type": "text/plain"},
    )
    assert answer.status_code == 204
    cart, purchase = (event_of(row) for row in rows[:2])
    common = TAG_EVENT | {"batch_ordering_id": 7, "currency": "EUR", "value": "12.500000"}
    assert cart == common | {
        "event_name": "add_to_cart",
        "event_timestamp": rows[0]["received_at"],
        "batch_event_index": 1,
        "items": [
            {
                "item_id": "SKU",
                "item_name": "Red shoe",
                "item_brand": "Acme",
                "item_category": "Shoes",
                "price": 12.5,
                "quantity": 1,
                "colour": "red",
            }
        ],
        "params": TAG_PARAMS | {"engagement_time_msec": 20},
    }
    assert purchase == common | {
        "event_name": "purchase",
        "event_timestamp": rows[1]["received_at"],
        "batch_event_index": 2,
        "transaction_id": "T9",
        "params": TAG_PARAMS
        | {"coupon": "X", "tax": 2, "user_properties": {"tier": {"value": "gold"}, "age": {"value": 7}}},
    }
    assert rows[2]["reason"] == "missing_event_name"
    query, line = rows[2]["body"].decode().split("\n")
    assert line == "ep.lonely=1"
    assert query == urlencode({name: value for name, value in shared.items() if not name.startswith("ua")})


def test_what_is_no_hit(door: Any) -> None:
    for query in ("", "v=1&tid=G-1", "v=2", "v=2&tid="):
        answer, rows = door.post(f"/g/collect?{query}")
        assert (answer.status_code, answer.json()["error"]["type"], rows) == (400, "malformed", [])
    answer, rows = door.post("/g/collect?v=2&tid=G-1", content="en=a\n" * 101)
    assert (answer.status_code, answer.json()["error"]["type"], rows) == (400, "too_many_events", [])


def canonical(number: int, **change: Any) -> dict[str, Any]:
    return {"event_name": "page_view", "event_timestamp": AT, "user_pseudo_id": f"d{number}", **change}


@pytest.mark.parametrize("form", ["ndjson", "array", "slow array"])
def test_one_bad_event_of_a_thousand(door: Any, form: str) -> None:
    events = [json.dumps(canonical(n, stream_id=form)).encode() for n in range(1000)]
    events[499] = b'{"event_name": "no one",  "event_timestamp": 1}'
    events[7] = (
        json.dumps(canonical(7, stream_id=form, value=float("nan"))).encode()
        if form == "slow array"
        else events[7]
    )
    body = b"\r\n".join(events) + b"\n" if form == "ndjson" else b"[" + b" ,\n".join(events) + b"]"
    answer, rows = door.post("/v1/events", content=body)
    assert answer.status_code == 200
    report = answer.json()
    assert (report["accepted"], report["duplicates"], report["refused"]) == (999, 0, 1)
    assert report["events"][499] == {
        "status": "refused",
        "reason": "no_identity",
        "detail": "user_pseudo_id, user_id and ga_session_id are all missing",
    }
    assert rows[499]["body"] == b'{"event_name": "no one",  "event_timestamp": 1}'
    landed = [json.loads(row["body"]) for row in rows if not row["reason"]]
    assert [event["user_pseudo_id"] for event in landed] == [f"d{n}" for n in range(1000) if n != 499]
    assert [event["batch_event_index"] for event in landed] == [n + 1 for n in range(1000) if n != 499]
    assert [event["event_id"] for event in landed] == [
        one["event_id"] for one in report["events"] if one["status"] == "accepted"
    ]
    again = door.http.post("/v1/events", content=body).json()
    assert (again["accepted"], again["duplicates"], again["refused"]) == (0, 999, 1)


def test_conflict_malformed_line_and_given_id(door: Any) -> None:
    one = canonical(1, event_id="given", stream_id="conflict")
    lines = [json.dumps(one), "{not json", json.dumps(one | {"user_id": "u"}), json.dumps(one)]
    answer, rows = door.post("/v1/events", content="\n".join(lines))
    events = answer.json()["events"]
    # an event with an id of its own is the same, wherever in a request it stands
    assert [event["status"] for event in events] == ["accepted", "refused", "refused", "duplicate"]
    assert [event.get("reason") for event in events] == [None, "malformed_json", "id_conflict", None]
    assert [row["reason"] for row in rows] == [None, "malformed_json", "id_conflict"]
    assert rows[1]["body"] == b"{not json"
    assert events[0]["event_id"] == "given"


def test_one_event_written_over_several_lines(door: Any) -> None:
    body = json.dumps(canonical(1, stream_id="pretty", colour="red"), indent=2)
    answer, (row,) = door.post("/v1/events?stream=unused", content=body)
    assert answer.json()["accepted"] == 1
    assert event_of(row) == canonical(1, stream_id="pretty", params={"colour": "red"})


def test_the_streams_name_and_packed_bodies(door: Any) -> None:
    body = json.dumps(canonical(1)).encode()
    for packed, encoding, stream in (
        (gzip.compress(body[:20], mtime=0) + gzip.compress(body[20:]), "gzip", "z1"),
        (zstandard.compress(body[:20]) + zstandard.compress(body[20:]), "zstd", "z2"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(body), "zstd", "z3"),
        (body, "identity", "z4"),
    ):
        answer, (row,) = door.post(
            f"/v1/events?stream={stream}", content=packed, headers={"content-encoding": encoding}
        )
        assert answer.status_code == 200
        assert event_of(row)["stream_id"] == stream
        assert row["origin"] == f"/v1/events?stream={stream}"


@pytest.mark.parametrize(
    ("content", "encoding", "status", "kind"),
    [
        (b"", "", 400, "malformed"),
        (b"[]", "", 400, "malformed"),
        (b"[1", "", 400, "malformed"),
        (b"[1,,2]", "", 400, "malformed"),
        (b"\n" * 10, "", 400, "malformed"),
        (b"{}\n" * 10_001, "", 400, "too_many_events"),
        (b"x", "br", 415, "unsupported_encoding"),
        (b"x", "gzip", 400, "malformed"),
        (gzip.compress(b"{}" * 100, mtime=0)[:-9], "gzip", 400, "malformed"),
        (zstandard.compress(b"{}" * 1000)[:-3], "zstd", 400, "malformed"),
        (b"x", "zstd", 400, "malformed"),
    ],
)
def test_a_body_that_cannot_be_read(door: Any, content: bytes, encoding: str, status: int, kind: str) -> None:
    headers = {"content-encoding": encoding} if encoding else {}
    answer, rows = door.post("/v1/events", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"], rows) == (status, kind, [])
    assert answer.json()["error"]["message"]


def test_no_door_and_no_method(door: Any) -> None:
    for method, path, status, kind in (
        ("GET", "/nope", 404, "not_found"),
        ("PUT", "/v1/events", 405, "method_not_allowed"),
        ("GET", "/mp/collect", 405, "method_not_allowed"),
    ):
        answer = door.http.request(method, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_health_and_metrics(door: Any) -> None:
    def metric(line: str) -> float:
        text = door.http.get("/metrics").text
        return next((float(row.split()[-1]) for row in text.splitlines() if row.startswith(line)), 0.0)

    line = 'headwater_door_events_total{outcome="accepted"}'
    before = metric(line)
    door.post("/v1/events", json=[canonical(n, stream_id="metrics") for n in range(3)])
    assert metric(line) == before + 3
    assert metric('headwater_door_requests_total{door="v1",status="200"}') >= 1
    health = door.http.get("/health").json()
    assert health["ok"] is True
    assert health["journal_bytes"] > 0


@pytest.mark.parametrize("is_postponed", [False, True])
def test_ga4mp_sends_here(door: Any, is_postponed: bool) -> None:
    client = GtagMP(api_secret="s", measurement_id="G-GA4MP", client_id=f"c{is_postponed}.1")
    client._base_domain = f"{door.url}/mp/collect"
    event = client.create_new_event(name="purchase")
    for name, value in (("transaction_id", "T1"), ("value", 3.5), ("currency", "EUR")):
        event.set_event_param(name=name, value=value)
    item = event.create_new_item(item_id="SKU", item_name="Shoe")
    event.add_item_to_event(item)
    before = door.last_seq()
    if is_postponed:
        client.send([event], postpone=True)
        client.postponed_send()
    else:
        client.send([event])
    (row,) = door.rows(before)
    found = event_of(row)
    assert (found["stream_id"], found["event_name"], found["value"]) == ("G-GA4MP", "purchase", "3.500000")
    assert found["items"][0]["item_id"] == "SKU"
    assert found["ga_session_id"] == client.store.get_session_parameter("session_id")


def test_ga4mp_sends_for_an_app(door: Any) -> None:
    client = FirebaseMP(api_secret="s", firebase_app_id="1:app", app_instance_id="b" * 32)
    client._base_domain = f"{door.url}/mp/collect"
    before = door.last_seq()
    client.send([{"name": "level_up", "params": {"level": 3}}, {"name": "level_end", "params": {}}])
    assert [event_of(row)["event_name"] for row in door.rows(before)] == ["level_up", "level_end"]


def test_a_request_may_come_in_pieces(door: Any) -> None:
    def pieces() -> Any:
        body = json.dumps(canonical(1, stream_id="pieces")).encode()
        for place in range(0, len(body), 7):
            yield body[place : place + 7]

    answer: httpx.Response = door.http.post("/v1/events", content=pieces())
    assert answer.json()["accepted"] == 1


def test_a_nul_in_a_hit_is_refused(door: Any) -> None:
    answer, (row,) = door.post("/g/collect?v=2&tid=G-NUL&cid=1.2&en=a%00b")
    assert (answer.status_code, row["reason"]) == (204, "nul_character")
    assert row["body"] == b"v=2&tid=G-NUL&cid=1.2&en=a%00b"
