"""A door for what the real one does only in need: it answers as it is told, and notes what came when."""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass
class Told:
    status: int = 200
    body: Any = None  # None: a report that accepts all
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass
class Came:
    at: float
    path: str
    body: bytes
    authorization: str | None


def problem(status: int, kind: str, retry_after: str | None = None) -> Told:
    said = {"error": {"type": kind, "message": f"It is {kind}."}}
    return Told(status, said, {"retry-after": retry_after} if retry_after else {})


class ToldDoor:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.came: list[Came] = []
        self.next: deque[Told] = deque()
        self.always = Told()
        told_door = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(200, {})

            def do_POST(self) -> None:
                at = time.monotonic()
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                told_door.came.append(Came(at, self.path, body, self.headers.get("authorization")))
                told = told_door.next.popleft() if told_door.next else told_door.always
                time.sleep(told.after)
                self._answer(told.status, accepted(body) if told.body is None else told.body, told.headers)

            def _answer(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
                content = json.dumps(said).encode()
                self.send_response(status)
                for name, value in {**(headers or {}), "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        home.mkdir()
        (home / "headwater.toml").write_text(f"[collect]\nport = {self.port}\n")
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def accepted(body: bytes) -> dict[str, Any]:
    count = len(body.splitlines())
    verdicts = [{"status": "accepted", "event_id": str(place)} for place in range(count)]
    return {"accepted": count, "duplicates": 0, "refused": 0, "events": verdicts}
