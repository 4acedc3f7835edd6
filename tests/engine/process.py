"""`headwater engine` or `headwater up` as processes of their own, on a home of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from collector import free_port
from product import settings_of

from headwater.engine.address import find

T = TypeVar("T")


def until(wanted: Callable[[], T], seconds: float, said: Callable[[], str] = str) -> T:
    """What `wanted` answers once it answers anything."""
    end = time.monotonic() + seconds
    while not (answer := wanted()):
        assert time.monotonic() < end, said()
        time.sleep(0.05)
    return answer


class Home:
    def __init__(self, home: Path, url: str, **dotted: Any) -> None:
        self.home = home
        keys = {"collect.port": free_port(), "serve.port": free_port(), **dotted}
        self.settings = settings_of(home, url, keys)
        self.door = f"http://127.0.0.1:{self.settings.collect.port}"
        self.log = home / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=180, env=environment()
        )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "headwater", "--home", str(self.home), *words]

    def start(self, word: str, *, dashboard: bool = False) -> None:
        """`up` without its dashboard, but for that one's own tests."""
        words = [word] if word != "up" or dashboard else [word, "--no-dashboard"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(*words), stdout=log, stderr=log, env=environment())
        until(lambda: find(self.home), 120, self.said)

    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """With which code it has ended, and how many seconds that took."""
        assert self.process
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(60), time.monotonic() - started

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
