"""Who may send, and from which page."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import main
from headwater.collect.keys import Keys, add_key, list_keys, remove_key
from headwater.errors import SettingsError

EVENT = {"event_name": "a", "event_timestamp": time.time_ns() // 1000, "user_pseudo_id": "d"}
MP = {"client_id": "c", "events": [{"name": "a"}]}
HIT = {"v": "2", "cid": "1.2", "en": "a"}
SOON = 0.005  # a door looks at the file again after half a millisecond


def test_only_the_hash_is_kept(tmp_path: Path) -> None:
    key, secret = add_key(tmp_path, "shop", "web")
    text = (tmp_path / "keys.json").read_text()
    assert secret not in text
    assert secret.removeprefix("hw_") not in text
    assert key.sha256 in text
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert Keys(tmp_path).find(secret) == key
    assert Keys(tmp_path).find(secret + "x") is None
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_names_are_taken_once_and_found_by_themselves(tmp_path: Path) -> None:
    names = [add_key(tmp_path, "*", name)[0].name for name in (None, "web", None)]
    assert names == ["key-1", "web", "key-2"]
    with pytest.raises(SettingsError, match="'web' already"):
        add_key(tmp_path, "*", "web")
    remove_key(tmp_path, "key-1")
    assert [key.name for key in list_keys(tmp_path)] == ["web", "key-2"]
    with pytest.raises(SettingsError, match="no key 'key-1'; there are: web, key-2"):
        remove_key(tmp_path, "key-1")


def test_a_change_counts_at_once_and_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert keys.all == ()
    _, secret = add_key(tmp_path, "*", "one")
    time.sleep(SOON)
    found = keys.find(secret)
    assert found is not None
    (tmp_path / "keys.json").write_text('{"keys": [{"name"')
    time.sleep(SOON)
    assert keys.find(secret) == found
    with pytest.raises(SettingsError, match="cannot be read as keys"):
        Keys(tmp_path)
    with pytest.raises(SettingsError, match="cannot be read as keys"):
        add_key(tmp_path, "*", "two")
    (tmp_path / "keys.json").unlink()
    time.sleep(SOON)
    assert keys.find(secret) is None


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path)]
    assert main(["keys", "list", *home]) == 0
    assert "no keys yet" in capsys.readouterr().out
    assert main(["keys", "add", "--stream", "shop", "--name", "web", *home]) == 0
    told = capsys.readouterr()
    secret = told.out.strip()
    assert secret.startswith("hw_")
    assert secret not in told.err
    assert Keys(tmp_path).find(secret)
    assert main(["keys", "list", *home]) == 0
    listed = capsys.readouterr().out
    assert "web" in listed
    assert "shop" in listed
    assert secret not in listed
    assert main(["keys", "remove", "nope", *home]) == 1
    assert main(["keys", "remove", "web", *home]) == 0
    assert Keys(tmp_path).all == ()


def test_off_loopback_it_starts_with_keys_alone(
    collector: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    one = collector(host="0.0.0.0")
    assert main(["collect", "--home", str(one.home)]) == 1
    error = capsys.readouterr().err
    assert "`headwater keys add`" in error
    assert "Traceback" not in error
    _, secret = add_key(one.home, "*", None)
    one.start()
    assert one.http.post("/v1/events", json=[EVENT]).status_code == 401
    assert one.http.post("/v1/events", json=[EVENT], headers={"x-api-key": secret}).status_code == 200
    # the last key is removed while it runs: nobody may send
    remove_key(one.home, "key-1")
    assert one.http.post("/v1/events", json=[EVENT], headers={"x-api-key": secret}).status_code == 401
    assert one.http.post("/g/collect", params=HIT | {"tid": "G-1"}).status_code == 403


def test_a_taken_port_is_told(door: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headwater.toml").write_text(f"[collect]\nport = {door.port}\n")
    assert main(["collect", "--home", str(tmp_path)]) == 1
    assert f"Nothing can listen at 127.0.0.1:{door.port}" in capsys.readouterr().err


def test_every_door_asks_for_its_key(collector: Callable[..., Any]) -> None:
    one = collector(allowed_origins=["https://shop.example"]).start()
    assert (
        one.http.post("/v1/events", json=[EVENT]).status_code == 200
    )  # on loopback, as long as there are no keys
    _, shop = add_key(one.home, "shop", "shop")
    _, every = add_key(one.home, "*", "every")

    def kind(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["type"] if answer.status_code >= 400 else ""

    def v1(event: dict[str, Any], path: str = "/v1/events", **headers: str | bytes) -> tuple[int, str]:
        return kind(one.http.post(path, json=[event], headers=headers))

    assert v1(EVENT) == (401, "unknown_key")
    assert v1(EVENT, authorization="Bearer wrong") == (401, "unknown_key")
    assert v1(EVENT, authorization=f"Basic {shop}") == (401, "unknown_key")
    assert v1(EVENT, authorization=b"Bearer \xe9") == (401, "unknown_key")
    before = one.last_seq()
    assert v1(EVENT, authorization=f"Bearer {shop}") == (200, "")
    assert json.loads(one.rows(before)[0]["body"])["stream_id"] == "shop"
    assert one.rows(before)[0]["origin"] == "/v1/events?stream=shop"
    assert v1({**EVENT, "stream_id": "shop", "n": 1}, authorization=f"Bearer {shop}") == (200, "")
    assert v1({**EVENT, "stream_id": "other"}, authorization=f"Bearer {shop}") == (403, "stream_not_allowed")
    assert v1(EVENT, "/v1/events?stream=other", authorization=f"Bearer {shop}") == (403, "stream_not_allowed")
    assert v1({**EVENT, "stream_id": "other"}, **{"x-api-key": every}) == (200, "")

    def mp(stream: str, secret: str, path: str = "/mp/collect") -> tuple[int, str]:
        return kind(one.http.post(path, params={"measurement_id": stream, "api_secret": secret}, json=MP))

    assert mp("shop", shop) == (204, "")
    assert mp("shop", "") == (401, "unknown_key")
    assert mp("shop", shop[:-1]) == (401, "unknown_key")
    assert mp("other", shop) == (403, "stream_not_allowed")
    assert mp("other", every) == (204, "")
    assert mp("shop", "wrong", "/debug/mp/collect") == (401, "unknown_key")

    remove_key(one.home, "every")

    def tag(stream: str, origin: str | None) -> tuple[int, str]:
        headers = {"origin": origin} if origin else {}
        return kind(one.http.post("/g/collect", params=HIT | {"tid": stream}, headers=headers))

    assert tag("shop", "https://shop.example") == (204, "")
    assert tag("shop", None) == (204, "")
    assert tag("other", "https://shop.example") == (403, "stream_not_allowed")
    assert tag("shop", "https://evil.example") == (403, "origin_not_allowed")
    assert tag("shop", "null") == (403, "origin_not_allowed")
    assert one.http.get("/metrics").status_code == 200  # from this machine


def test_pages_of_listed_origins_may_send(collector: Callable[..., Any]) -> None:
    one = collector(allowed_origins=["https://shop.example"]).start()
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for path in ("/v1/events", "/mp/collect", "/g/collect", "/debug/mp/collect"):
        asked = one.http.options(path, headers={"origin": "https://shop.example", **ask})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "https://shop.example"
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "authorization" in asked.headers["access-control-allow-headers"]
        denied = one.http.options(path, headers={"origin": "https://evil.example", **ask})
        assert denied.status_code == 403
        assert "access-control-allow-origin" not in denied.headers
    sent = one.http.post("/v1/events", json=[EVENT], headers={"origin": "https://shop.example"})
    assert sent.headers["access-control-allow-origin"] == "https://shop.example"
    refused = one.http.post("/v1/events", content=b"[", headers={"origin": "https://shop.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
        400,
        "https://shop.example",
    )
    evil = one.http.post("/v1/events", json=[EVENT], headers={"origin": "https://evil.example"})
    assert (evil.status_code, evil.json()["error"]["type"]) == (403, "origin_not_allowed")


def test_on_loopback_every_page_may_send_where_none_is_listed(door: Any) -> None:
    sent = door.http.post("/v1/events", json=[EVENT], headers={"origin": "http://localhost:3000"})
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, "http://localhost:3000")
