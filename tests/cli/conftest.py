"""A command run in this process, as the console entry point runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs in an empty folder, with no HEADWATER_* variables."""
    for name in ("HEADWATER_HOME", "HEADWATER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run_command(*words: str) -> Ran:
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_command
