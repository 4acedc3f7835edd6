"""A proxy in front of the stand-in that answers badly when told to: before a request reaches the server, or after."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LOST = 0  # the answer never comes


@dataclass
class Fault:
    """What happens to requests whose method and path it fits, so many times."""

    fits: str  # "POST /insertAll": the method, and a part of the path
    status: int = 503
    reason: str = "backendError"
    message: str = "Visibility check was unavailable. Please retry the request."
    times: int = 1
    after: bool = False  # the server has done what it was asked for, and the answer is another
    answer: dict[str, Any] | None = None  # with status 200: in place of the server's
    of: str = ""  # what stands in its query

    def body(self) -> bytes:
        if self.answer is not None:
            return json.dumps(self.answer).encode()
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return json.dumps(
            {"error": {"code": self.status, "message": self.message, "errors": [error]}}
        ).encode()


@dataclass
class Proxy:
    url: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, JSON body

    def next_fault(self, line: str, body: Any) -> Fault | None:
        method, path = line.split(" ", 1)
        for fault in self.faults:
            wanted, part = fault.fits.split(" ", 1)
            if fault.times and method == wanted and part in path and fault.of in query_of(body):
                fault.times -= 1
                return fault
        return None

    def bodies(self, part: str) -> list[Any]:
        return [body for _, path, body in self.seen if part in path]


def query_of(body: Any) -> str:
    """Of a job that is begun."""
    job = body.get("configuration", {}) if isinstance(body, dict) else {}
    return str(job.get("query", {}).get("query", ""))


@contextmanager
def in_front_of(target: str) -> Iterator[Proxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = handler(proxy, target)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def handler(proxy: Proxy, target: str) -> Callable[..., BaseHTTPRequestHandler]:
    place = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                read = json.loads(body) if body else None
            except ValueError:  # an upload
                read = None
            proxy.seen.append((self.command, self.path, read))
            fault = proxy.next_fault(f"{self.command} {self.path}", read)
            if fault is None or fault.after:
                status, headers, content = self._ask(body)
            if fault is not None:
                if fault.status == LOST:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, content = fault.status, {"content-type": "application/json"}, fault.body()
            self.send_response(status)
            for name in ("content-type", "location"):
                if name in headers:
                    self.send_header(name, headers[name])
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _ask(self, body: bytes) -> tuple[int, Any, bytes]:
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
            headers = {
                name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"
            }
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            connection.close()
            return answer.status, found, content

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
