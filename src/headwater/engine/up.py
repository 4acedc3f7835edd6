"""Starts the door, the engine and the dashboard, starts anew what dies, and says each second what flows."""

import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from headwater.engine.address import SCREEN_KEY, find, refuse_a_second, url_of
from headwater.engine.client import Engine
from headwater.errors import HeadwaterError, SettingsError
from headwater.settings import Settings

STOP_SECONDS = 10.0
SHORT_LIFE = 10.0  # seconds: what ends sooner by itself has not worked
MOST_SHORT_LIVES = 3
LONGEST_PAUSE = 30.0

_log = logging.getLogger("headwater.up")
_screen_key = secrets.token_urlsafe(32)  # with which the dashboard asks, also where others need a key


@dataclass
class Part:
    """One process of the product, kept alive."""

    name: str
    command: list[str]
    process: "subprocess.Popen[bytes]"
    started: float = field(default_factory=time.monotonic)
    short_lives: int = 0
    start_at: float | None = None
    is_needed: bool = True  # what is not is given up where it cannot work, and the rest goes on
    is_given_up: bool = False


def up(settings: Settings, say: Callable[[str], None], *, dashboard: bool = False) -> None:
    """Returns when it is told to stop and all parts have ended."""
    refuse_a_second(settings.home)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parts = [_started(name, settings) for name in ("engine", "collect")]
    if dashboard:
        parts.append(_started("dashboard", settings, is_needed=False))
    say(
        f"Events in:  http://{settings.collect.host}:{settings.collect.port}  (/v1/events, /mp/collect, /g/collect)"
    )
    say(f"Engine:     {url_of(settings)}  (/v1, /health, /metrics)")
    if dashboard:
        say(f"Dashboard:  http://127.0.0.1:{settings.dashboard.port}")
    say("Ctrl-C stops.")
    try:
        # beside the supervision, which waits for nobody's answer
        Thread(target=Flow(settings, say).tell_until, args=(stop,), daemon=True).start()
        while not stop.wait(0.5):
            for part in parts:
                keep_alive(part)
    finally:
        stop.set()
        _stop(parts)
        say("Stopped.")


def keep_alive(part: Part) -> None:
    code = part.process.poll()
    if code is None or part.is_given_up:
        return
    now = time.monotonic()
    if part.start_at is None:
        part.short_lives = part.short_lives + 1 if now - part.started < SHORT_LIFE else 0
        # a signal is somebody else's will
        if part.short_lives >= MOST_SHORT_LIVES and code > 0:
            if not part.is_needed:
                part.is_given_up = True
                _log.warning(
                    "%s ends as soon as it starts, and is left out: its last message above says why.",
                    part.name,
                )
                return
            raise SettingsError(f"{part.name} ends as soon as it starts: its last message above says why.")
        part.start_at = now + min(0.5 * 2**part.short_lives, LONGEST_PAUSE)
        _log.warning("%s has ended (%s) and is started anew.", part.name, code)
    elif now >= part.start_at:
        part.process, part.started, part.start_at = _process(part.command), now, None


def _started(name: str, settings: Settings, *, is_needed: bool = True) -> Part:
    command = [sys.executable, "-m", "headwater", "--home", str(settings.home), name, "--supervised"]
    if name == "dashboard":
        command += ["--api", url_of(settings), "--token-env", SCREEN_KEY]
    return Part(name, command, _process(command), is_needed=is_needed)


def _process(command: list[str]) -> "subprocess.Popen[bytes]":
    """In a group of its own, so that Ctrl-C reaches the supervisor alone, which stops them in order; and on a lifeline,
    so that none outlives it."""
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, start_new_session=True, env={**os.environ, SCREEN_KEY: _screen_key}
    )


def _stop(parts: list[Part]) -> None:
    """The door first: what it still takes, the engine may still load."""
    until = time.monotonic() + STOP_SECONDS
    for part in reversed(parts):
        if part.process.poll() is None:
            part.process.terminate()
    for part in reversed(parts):
        try:
            part.process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            _log.warning(
                "%s did not stop in time and is killed; nothing that was acknowledged is lost.", part.name
            )
            part.process.kill()
            part.process.wait()


class Flow:
    """A line whenever something has moved since the last one, or is wrong."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._engine: Engine | None = None
        self._last: dict[str, Any] | None = None
        self._last_at = time.monotonic()
        self._told: str = ""

    def tell_until(self, stop: Event) -> None:
        while not stop.wait(1.0):
            self.tell()

    def tell(self) -> None:
        status = self._status()
        if status is None:
            return
        now = time.monotonic()
        line = told(status, self._last, now - self._last_at)
        self._last, self._last_at = status, now
        if line != self._told:
            self._say(f"{time.strftime('%H:%M:%S')}  {line}")
        self._told = line

    def _status(self) -> dict[str, Any] | None:
        try:
            if self._engine is None:
                address = find(self._settings.home)
                if address is None:
                    return None
                self._engine = Engine(address)
            return self._engine.status()
        except HeadwaterError:
            if self._engine:
                self._engine.close()
            self._engine = None
            return None


def told(status: dict[str, Any], last: dict[str, Any] | None, seconds: float) -> str:
    def rate(name: str) -> str:
        return f"{(status[name] - last[name]) / max(seconds, 0.001):,.0f}/s" if last else "-"

    latency = status["latency"]["received_to_visible"]
    words = [f"in {rate('accepted'):>9}", f"loaded {rate('loaded'):>9}"]
    if status["pending"] is not None:  # Pub/Sub does not tell
        words.append(f"pending {status['pending']:,}")
    if latency["p95"] is not None:
        words.append(f"visible after {latency['p50']:.2f} s (p95 {latency['p95']:.2f} s)")
    for name in ("duplicates", "dead_letters"):
        if status[name]:
            words.append(f"{name.replace('_', ' ')} {status[name]:,}")
    words.append(status["state"])
    words += [f"{alert['name']}: {alert['message']}" for alert in status["alerts"]]
    return "  ".join(words)
