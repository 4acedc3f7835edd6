"""The dashboard as somebody sees it: a real `headwater up` with a history and traffic, and a real Chromium."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from collector import free_port
from engine.process import Home, environment, until
from engine.test_up import children

from headwater.dashboard import meta

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Streamlit looks for its own server below the page's address first, and finds it above
PROBES = ("/_stcore/health", "/_stcore/host-config")
TRAFFIC = "2"  # events a second


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Shown:
    """A home with everything running, and what its tables say."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.traffic: subprocess.Popen[bytes] | None = None
        self.home = Home(folder / "home", "duckdb:///warehouse.duckdb", **{"dashboard.port": self.port})
        events = str(folder / "events")
        for words in (
            ("generate", "--persons", "2000", "--days", "30", "--seed", "7", "--out", events),
            ("load", events),
            ("build",),
        ):
            done = self.home.run(*words)
            assert done.returncode == 0, done.stderr

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Shown":
        self.home.start("up", dashboard=True)
        until(self._is_open, 120, self.home.said)
        told = self.ask("/overview")
        self.first, self.last = told["from"], told["to"]
        words = self.home.command("stream", "--rate", TRAFFIC, "--seconds", "3600")
        with self.home.log.open("ab") as log:
            self.traffic = subprocess.Popen(words, stdout=log, stderr=log, env=environment())
        until(self._has_sold_today, 120, self.home.said)  # what currencies there are is known then
        return self

    def _has_sold_today(self) -> bool:
        newest = self.ask("/conversions?limit=1")["data"]
        return bool(newest) and newest[0]["conversion_date"] > self.last

    @property
    def past(self) -> str:
        """The days of the history alone, of which traffic changes nothing, as an address."""
        return f"from={self.first}&to={self.last}"

    @property
    def currency(self) -> str | None:
        """That sums are told in."""
        return meta.read(self.ask("/meta")).currency

    def _is_open(self) -> bool:
        try:
            return (
                httpx.get(f"{self.url}/_stcore/health", timeout=2).status_code == 200
                and httpx.get(f"{self.home.door}/health", timeout=2).status_code == 200
            )
        except httpx.TransportError:
            return False

    def rows(self, sql: str) -> list[dict[str, Any]]:
        done = self.home.run("query", sql, "--format", "json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def send(self, *events: dict[str, Any]) -> None:
        answer = httpx.post(f"{self.home.door}/v1/events", json=list(events), timeout=60)
        assert answer.status_code == 200, answer.text

    def ask(self, path: str) -> dict[str, Any]:
        address = f"http://127.0.0.1:{self.home.settings.serve.port}/v1{path}"
        content: dict[str, Any] = httpx.get(address, timeout=60).json()
        return content

    @contextmanager
    def engine_gone(self) -> Iterator[None]:
        """Killed, while its supervisor is held back from starting another."""
        assert self.home.process
        os.kill(self.home.process.pid, signal.SIGSTOP)
        os.kill(children(self.home)["engine"], signal.SIGKILL)
        try:
            yield
        finally:
            os.kill(self.home.process.pid, signal.SIGCONT)

    def close(self) -> None:
        if self.traffic:
            self.traffic.terminate()
            self.traffic.wait(20)
        self.home.close()


def event(name: str, number: int, **columns: Any) -> dict[str, Any]:
    """Of a visitor of its own, at this moment."""
    return {
        "event_id": f"browser {number}",
        "event_name": name,
        "event_timestamp": time.time_ns() // 1000,
        "user_pseudo_id": f"browser visitor {number}",
        **columns,
    }
