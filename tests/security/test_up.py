"""What `headwater up` says, in its log and over HTTP, and what it keeps to itself."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
from engine.process import Home, until

from headwater.collect.keys import add_key
from headwater.engine.address import find
from headwater.warehouse import open_warehouse, schema

MAIL = "planted.person@example.com"
NEVER = "0000000000.planted-elsewhere"  # what no answer of the door or the engine is to repeat, in a header or a path


def refuse_the_mail(home: Home) -> None:
    """The database's own error tells the check, and with it the address."""
    with open_warehouse(home.settings) as warehouse:
        warehouse.execute("drop table events_streaming")
        columns = schema.columns("varchar")
        warehouse.execute(
            f"create table events_streaming ({columns}, batch_id bigint not null, check (campaign <> '{MAIL}'))"
        )


def test_no_secret_and_no_email_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    refuse_the_mail(home)
    _, secret = add_key(home.home, "shop", "web")
    home.start("up")
    try:
        said = _asked(home, secret)
        printed = [home.run("status"), home.run("status", "--json"), home.run("dead-letters", "list")]
        code, _ = home.stop()
        assert code == 0
    finally:
        home.close()
    assert {200, 401, 404, 422} <= {answer.status_code for answer in said}
    assert "cannot be loaded" in home.said()
    words = [answer.text + str(answer.headers) for answer in said]
    words += [home.said(), *(one.stdout + one.stderr for one in printed)]
    for planted in (secret, secret[3:], MAIL, "planted.person", NEVER):
        assert [text for text in words if planted in text] == [], planted


def _asked(home: Home, secret: str) -> list[httpx.Response]:
    def send(path: str, content: Any, **how: Any) -> httpx.Response:
        return httpx.post(home.door + path, content=json.dumps(content), timeout=20, **how)

    until(lambda: _answers(home.door + "/health"), 120, home.said)
    now = time.time_ns() // 1000
    event = {
        "event_name": "sign_up",
        "event_timestamp": now,
        "user_pseudo_id": "somebody",
        "stream_id": "shop",
    }
    key = {"authorization": f"Bearer {secret}"}
    said = [
        send("/v1/events", [{**event, "campaign": MAIL}], headers=key),
        send("/v1/events", [{**event, "page_location": f"https://shop.example/?to={MAIL}"}], headers=key),
        send("/v1/events", [{**event, "event_timestamp": MAIL}, {**event, "params": f"{MAIL}"}], headers=key),
        send("/v1/events", [event], headers={"authorization": f"Bearer {NEVER}"}),
        send(
            "/mp/collect",
            {
                "client_id": "c",
                "events": [{"name": "sign_up", "params": {"email": MAIL, "session_id": MAIL}}],
            },
            params={"measurement_id": "shop", "api_secret": secret},
        ),
        send("/mp/collect", {}, params={"measurement_id": "shop", "api_secret": NEVER}),
    ]
    address = find(home.home)
    assert address
    token = {"authorization": f"Bearer {address.token}"}

    def status() -> dict[str, Any]:
        return dict(httpx.get(address.url + "/v1/status", headers=token, timeout=20).json())

    until(lambda: status()["dead_letters"] >= 2 and not status()["freshness_seconds"], 120, home.said)
    for path in ("/health", "/metrics", "/v1/freshness", "/v1/health", "/v1/meta", "/v1/openapi.json"):
        said.append(httpx.get(address.url + path, timeout=20))
    said.append(httpx.get(address.url + "/v1/status", headers=token, timeout=20))
    for headers in ({"authorization": f"Bearer {NEVER}"}, {"authorization": f"Bearer {secret}"}):
        said.append(httpx.get(address.url + "/v1/status", headers=headers, timeout=20))
    for path in (f"/nope/{secret}", f"/v1/{MAIL}?api_secret={secret}", f"/v1/values/{MAIL}"):
        said.append(httpx.get(address.url + path, timeout=20))
    for sql in (
        "select cast(page_location as integer) from events_streaming",
        "select cast(original as integer) from dead_letters",
    ):
        said.append(httpx.post(address.url + "/v1/query", json={"sql": sql}, headers=token, timeout=20))
    return said


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False
