"""The dashboard under the supervisor: where it cannot work, all else does."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine.process import Home

from headwater.engine import up
from headwater.engine.up import Part, keep_alive
from headwater.errors import SettingsError


def ended(*, is_needed: bool) -> Part:
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    process = subprocess.Popen(command)
    process.wait()
    return Part("dashboard", command, process, is_needed=is_needed)


def watch(part: Part) -> None:
    end = time.monotonic() + 60
    while not part.is_given_up:
        assert time.monotonic() < end
        keep_alive(part)
        time.sleep(0.01)


def test_one_that_ends_at_once_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(up, "LONGEST_PAUSE", 0.01)
    part = ended(is_needed=False)
    watch(part)
    assert "dashboard ends as soon as it starts, and is left out" in caplog.text
    keep_alive(part)  # and stays so


def test_a_part_that_is_needed_ends_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "LONGEST_PAUSE", 0.01)
    with pytest.raises(SettingsError, match="ends as soon as it starts"):
        watch(ended(is_needed=True))


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        taken = listening.getsockname()[1]
        done = home.run("dashboard", "--port", str(taken))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: Nothing can listen at 127.0.0.1:{taken} (Address already in use): stop what does, or set "
        "dashboard.port.\n"
    )
