"""The collector as a test drives it: its own process, its own home, a free port."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

from headwater.settings import Settings, load_settings


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Collector:
    def __init__(self, home: Path, **collect: Any) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in collect.items()]
        (home / "headwater.toml").write_text("\n".join(["[collect]", f"port = {self.port}", *lines]) + "\n")
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "log"
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=self.url, timeout=20)

    @property
    def settings(self) -> Settings:
        return load_settings(self.home, {})

    def start(self) -> "Collector":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "headwater", "collect", "--home", str(self.home)],
                stdout=log,
                stderr=log,
                env={
                    **{
                        name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")
                    },
                    **self.environment,
                },
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.http.get("/health")
                return self
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(60)

    def rows(self, after: int = 0) -> list[dict[str, Any]]:
        with sqlite3.connect(self.home / "journal.sqlite") as connection:
            connection.row_factory = sqlite3.Row
            return [
                dict(row)
                for row in connection.execute("select * from arrivals where seq > ? order by seq", [after])
            ]

    def last_seq(self) -> int:
        rows = self.rows()
        return int(rows[-1]["seq"]) if rows else 0

    def post(self, path: str, **request: Any) -> tuple[httpx.Response, list[dict[str, Any]]]:
        """The answer, and the rows that the request has left in the journal."""
        before = self.last_seq()
        answer = self.http.post(path, **request)
        return answer, self.rows(before)

    def close(self) -> None:
        self.http.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
