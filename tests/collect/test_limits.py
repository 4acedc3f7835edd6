"""How much may be sent, and how fast."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headwater.collect.answers import Refused
from headwater.collect.limits import Rates

EVENT = {"event_name": "a", "event_timestamp": time.time_ns() // 1000, "user_pseudo_id": "d"}


def taken(rates: Rates, sender: str, tries: int) -> int:
    count = 0
    with suppress(Refused):
        for _ in range(tries):
            rates.take(sender)
            count += 1
    with pytest.raises(Refused, match="requests a second"):
        rates.take(sender)
    return count


def test_a_bucket_is_as_deep_as_a_second_and_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    rates = Rates(10, 1)
    assert taken(rates, "a", 30) == 10
    assert taken(rates, "b", 30) == 10
    clock[0] += 0.5
    assert taken(rates, "a", 30) == 5
    clock[0] += 60
    assert taken(rates, "a", 30) == 10


def test_all_workers_take_from_one_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    rates = Rates(30_000, 2)
    workers = []
    for number in range(3):
        process = os.fork()
        if not process:
            count = 0
            try:
                for _ in range(20_000):
                    with suppress(Refused):
                        rates.take("a")
                        count += 1
                (tmp_path / str(number)).write_text(str(count))
            finally:
                os._exit(0)
        workers.append(process)
    for process in workers:
        os.waitpid(process, 0)
    count = sum(int((tmp_path / str(number)).read_text()) for number in range(3))
    assert count == 30_000


def test_too_fast_is_told_with_a_time(collector: Callable[..., Any]) -> None:
    one = collector(rate_limit=5).start()
    answers = [one.http.post("/v1/events", json=[EVENT | {"n": n}]) for n in range(20)]
    slow = [answer for answer in answers if answer.status_code == 429]
    assert len(slow) >= 10
    assert slow[0].json()["error"]["type"] == "rate_limited"
    assert slow[0].headers["retry-after"] == "1"
    assert len(one.rows()) == 20 - len(slow)
    time.sleep(1)
    assert one.http.post("/v1/events", json=[EVENT]).status_code == 200


def test_too_long_a_body_is_refused_before_it_is_read(door: Any) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000000\r\n\r\n["
        connection.sendall(head)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"too_large"' in answer


def test_too_long_a_body_in_pieces_is_refused_when_it_is_too_long(door: Any) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        connection.sendall(
            b"POST /mp/collect?measurement_id=G HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            while sent < 100 * 1024**2:
                connection.sendall(piece)
                sent += 65536
        except OSError:
            pass
    assert sent < 16 * 1024**2
    assert door.http.get("/health").status_code == 200


def test_the_limit_is_the_users_own(collector: Callable[..., Any]) -> None:
    one = collector(max_body_mb=1).start()
    answer = one.http.post("/v1/events", content=b" " * 1024**2 + b"x")
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "too_large")
    assert "1 MB" in answer.json()["error"]["message"]
    assert one.http.post("/v1/events", content=b" " * (1024**2 - 1) + b"x").status_code == 422


def test_a_full_journal_says_when_to_come_again(collector: Callable[..., Any]) -> None:
    one = collector(journal_max_mb=16, max_body_mb=20).start()
    text = "x" * 1_000_000
    answers = [one.http.post("/v1/events", json=[EVENT | {"n": n, "text": text}]) for n in range(20)]
    full = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in full} == {429}
    assert full[0].json()["error"]["type"] == "journal_full"
    assert int(full[0].headers["retry-after"]) > 0
    assert len(one.rows()) == 20 - len(full)
