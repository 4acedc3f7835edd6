"""Bad input of every kind at the doors: never a 5xx, never a secret told, never much memory."""

import gzip
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard
from collector import Collector

from headwater.collect.keys import add_key

PATHS = (
    "/v1/events",
    "/mp/collect?measurement_id=G-1",
    "/debug/mp/collect?measurement_id=G-1",
    "/g/collect?v=2&tid=G-1",
)
AT = time.time_ns() // 1000
SOUND = {"event_name": "a", "event_timestamp": AT, "user_pseudo_id": "d"}
HOSTILE = (
    *(
        "'; drop table arrivals; --",
        "{{ 7 * 7 }}",
        "${jndi:ldap://x}",
        "../../etc/passwd",
        "\u202egnp.exe",
        "\ufffe",
    ),
    *(
        "a\0b",
        "'\"`;--%27\\' or 1=1",
        "{% raw %}{{ env_var('PATH') }}{# no #} %s %(name)s {0} ? :name $1",
        "\u2066\u200b\ufeff\u202d\U0001f4a9",
        "\ud800",
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "%00",
        "%ff%fe",
        "x" * 1_000_000,
        "",
    ),
)
VALUES = (
    None,
    True,
    -1,
    1e308,
    -0.0,
    10**40,
    "",
    "x",
    [],
    {},
    [[]],
    {"": {}},
    [None],
    {"a": {"b": [1, {"c": 2}]}},
)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    one = Collector(tmp_path_factory.mktemp("attacked"))
    yield one.start()
    one.close()


def bodies() -> Iterator[bytes]:
    chance = random.Random(7)
    for text in HOSTILE:
        for name in ("event_name", "event_id", "page_location", "value", "params", "items", "colour"):
            yield json.dumps([{**SOUND, name: text}]).encode()
        yield json.dumps({"client_id": text, "events": [{"name": text, "params": {text: text}}]}).encode()
        yield text.encode(errors="surrogatepass")
    for value in VALUES:
        yield json.dumps(value).encode()
        for name in (*SOUND, "params", "items", "consent", "batch_page_id"):
            yield json.dumps([{**SOUND, name: value}]).encode()
        for name in ("client_id", "events", "timestamp_micros", "consent", "user_properties", "user_agent"):
            yield json.dumps({"client_id": "c", "events": [{"name": "a"}], name: value}).encode()
        yield json.dumps(
            {"client_id": "c", "events": [{"name": value, "params": value, "timestamp_micros": value}]}
        ).encode()
        yield json.dumps({"client_id": "c", "events": [value]}).encode()
    sound = json.dumps([SOUND, SOUND | {"params": {"a": [1.5, "é"]}}], ensure_ascii=False).encode()
    for place in range(0, len(sound), 3):
        yield sound[:place]
        flipped = bytearray(sound)
        flipped[place] ^= 1 << chance.randrange(8)
        yield bytes(flipped)
    for length in (1, 10, 1000):
        yield from (chance.randbytes(length) for _ in range(20))
    for opening in (b"[", b'{"a":', b'[{"params":' + b"[" * 50_000, b'{"client_id":"c","events":[{"params":'):
        yield opening * 2_000
    yield b"[" * 900 + b"]" * 900
    yield b'{"client_id":"c","events":[' + b"{" * 10_000


def test_hundreds_of_malformed_bodies(door: Any) -> None:
    seen: dict[int, int] = {}
    count = 0
    for body in bodies():
        for path in PATHS if len(body) < 100_000 else PATHS[:2]:
            answer = door.http.post(path, content=body)
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (path, body[:200], answer.text)
            assert answer.status_code == 204 or answer.json()
            count += 1
    assert count > 1_000
    assert {200, 204, 400, 422} <= set(seen)
    assert door.process.poll() is None
    assert "unforeseen" not in door.log.read_text()
    answer, rows = door.post("/v1/events", json=[SOUND | {"user_pseudo_id": "still there"}])
    assert (answer.status_code, len(rows)) == (200, 1)


def by_canonical(text: str, number: int) -> tuple[str, dict[str, Any]]:
    event = {"event_name": text, "event_timestamp": AT, "user_pseudo_id": text, "user_id": f"v{number}"}
    event |= {
        "transaction_id": text,
        "page_referrer": text,
        "params": {text[:500] or "empty": text, "a": [{"b": text}]},
    }
    return "/v1/events?stream=H-1", {"content": json.dumps([event])}


def by_protocol(text: str, number: int) -> tuple[str, dict[str, Any]]:
    params = {text[:500] or "empty": text, "a": [{"b": text}], "transaction_id": text, "page_referrer": text}
    body = {"client_id": text, "user_id": f"m{number}", "timestamp_micros": AT}
    content = json.dumps(body | {"events": [{"name": text, "params": params}]})
    return "/mp/collect?measurement_id=H-2", {"content": content}


def by_tag(text: str, number: int) -> tuple[str, dict[str, Any]]:
    hit = {"cid": text, "uid": f"t{number}", "en": text, "ep.transaction_id": text, "dr": text}
    hit |= {f"ep.{text[:500] or 'empty'}": text, "up.b": text, "pr1": "id" + text.replace("~", "~~")}
    return "/g/collect?v=2&tid=H-3", {"content": urlencode(hit, errors="surrogatepass")}


SENT: dict[str, Callable[[str, int], tuple[str, dict[str, Any]]]] = {
    "canonical": by_canonical,
    "protocol": by_protocol,
    "tag": by_tag,
}


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_value_is_stored_as_it_is_or_refused(door: Any, name: str, number: int) -> None:
    text = HOSTILE[number]
    path, request = SENT[name](text, number)
    answer, rows = door.post(path, headers={"user-agent": "Mozilla/5.0"}, **request)
    if (
        name == "protocol" and text == "\ud800"
    ):  # not to be read at all: the sender is told, and nothing is kept
        assert (answer.status_code, answer.json()["error"]["type"], rows) == (400, "malformed", [])
        return
    assert answer.status_code in ((204,) if name == "tag" else (200, 204, 422))
    (row,) = rows
    if row["reason"]:
        reasons = {"": "missing_event_name", "a\0b": "nul_character", "\ud800": "malformed_json"}
        assert row["reason"] == reasons[text]
        sent = request["content"].encode()
        inner = {"canonical": sent[1:-1], "tag": b"v=2&tid=H-3\n" + sent}
        assert row["body"] == inner.get(name) or json.loads(row["body"]) == json.loads(sent)
        return
    assert text not in ("", "a\0b")
    if text == "\ud800":  # what a query holds is bytes; those that are no UTF-8 are shown
        assert name == "tag"
        text = r"\xed\xa0\x80"
    event = json.loads(row["body"])
    assert event["event_name"] == event["user_pseudo_id"] == event["transaction_id"] == text
    assert event["page_referrer"] == text
    if name == "tag":
        assert event["items"] == [{"item_id": text}]
        assert event["params"] == {text[:500]: text, "user_properties": {"b": {"value": text}}}
    else:
        assert event["params"] == {text[:500]: text, "a": [{"b": text}]}


@pytest.mark.parametrize(
    "query",
    ["%00=%00", "v=2&tid=%00", "v=2&tid=a&en=%ff", "&&&=", "v=2&tid=a&_p=x&sid=" + "9" * 50, "%", "\xff"],
)
def test_malformed_queries(door: Any, query: str) -> None:
    for path in ("/g/collect", "/mp/collect", "/v1/events"):
        assert door.http.post(f"{path}?{query}", json=[SOUND]).status_code < 500


def test_malformed_headers(door: Any) -> None:
    for name, value in (
        ("content-encoding", b"gzip, gzip"),
        ("content-length", b"-5"),
        ("authorization", b"Bearer"),
        ("authorization", b"\xff\xfe"),
        ("user-agent", b"Mozilla/5.0 " + b"(" * 30_000),
        ("origin", b"\xff"),
        ("content-type", b"\xff/\xff; charset=\xff"),
    ):
        with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
            length = b"" if name == "content-length" else b"content-length: 2\r\n"
            head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\n%b%b: %b\r\n\r\n{}" % (
                length,
                name.encode(),
                value,
            )
            connection.sendall(head)
            assert connection.recv(64).startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")), name


def _peak(door: Any) -> int:
    status = Path(f"/proc/{door.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="NO BOMB MEASURED: this system has no /proc"
)
@pytest.mark.parametrize("encoding", ["gzip", "zstd", "zstd, one window of all"])
def test_a_bomb_takes_little_memory(collector: Callable[..., Any], encoding: str) -> None:
    door = collector().start()
    zeros = bytes(512 * 1024**2)
    if encoding == "gzip":
        bomb = gzip.compress(zeros, 9)
    elif encoding == "zstd":
        bomb = zstandard.ZstdCompressor(level=19).compress(zeros)
    else:
        large = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
        bomb = zstandard.ZstdCompressor(compression_params=large).compress(zeros)
    assert len(bomb) < 1024**2
    door.http.post("/v1/events", json=[SOUND])
    before = _peak(door)
    for path in PATHS:
        answer = door.http.post(path, content=bomb, headers={"content-encoding": encoding.partition(",")[0]})
        assert (answer.status_code, answer.json()["error"]["type"]) == (413, "too_large")
    assert _peak(door) - before < 32 * 1024**2
    assert door.http.post("/v1/events", json=[SOUND]).json()["duplicates"] == 1


def test_no_secret_and_no_email_is_told(collector: Callable[..., Any]) -> None:
    one = collector()
    one.home.mkdir(exist_ok=True)
    _, secret = add_key(one.home, "shop", "web")
    one.start()
    mail = "planted.person@example.com"
    said = []
    for key in (secret, "hw_WRONGSECRET"):
        for event in (
            {**SOUND, "event_timestamp": mail},
            {**SOUND, "batch_page_id": mail},
            {**SOUND, "value": mail, "stream_id": mail},
            {**SOUND, "source_kind": mail},
            {**SOUND, "event_name": None, mail: 1},
            {"event_timestamp": key},
        ):
            for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}):
                said.append(one.http.post("/v1/events", json=[event], headers=headers))
        for query in (
            {"measurement_id": "shop", "api_secret": key},
            {"measurement_id": mail, "api_secret": key},
            {"api_secret": key},
        ):
            for body in (
                "{",
                json.dumps({"events": [{"name": "a", "params": {"session_id": mail, "value": key}}]}),
            ):
                said.append(one.http.post("/mp/collect", params=query, content=body))
                said.append(one.http.post("/debug/mp/collect", params=query, content=body))
        said.append(
            one.http.post("/g/collect", params={"v": "2", "tid": "shop", "en": mail, "api_secret": key})
        )
        said.append(one.http.post("/g/collect", params={"v": "2", "tid": mail, "api_secret": key}))
        said.append(one.http.get(f"/nope/{mail}", params={"api_secret": key}))
        said.append(one.http.put("/mp/collect", params={"api_secret": key, "m": mail}))
    said.append(one.http.get("/metrics"))
    said.append(one.http.get("/health"))
    assert one.stop() == 0
    kinds = {answer.status_code for answer in said}
    assert {204, 400, 401, 403, 404, 405, 422} <= kinds
    words = [answer.text + str(answer.headers) for answer in said] + [one.log.read_text()]
    for planted in (secret, secret[3:], "WRONGSECRET", mail, "planted.person"):
        assert sum(text.count(planted) for text in words) == 0, planted
    assert all("Traceback" not in text for text in words)
    journal = b"".join(path.read_bytes() for path in one.home.glob("journal.sqlite*"))
    assert b"WRONGSECRET" not in journal
