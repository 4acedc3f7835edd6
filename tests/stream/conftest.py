"""Fixtures: the command in this process, real doors, one product that runs, and a door that answers as it is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from collector import Collector
from faults.live import Live
from stream.told_door import ToldDoor

from headwater.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`headwater stream` on a home."""
    for name in ("HEADWATER_HOME", "HEADWATER_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run_stream(home: Path, *words: str) -> Ran:
        code = main(["--home", str(home), "stream", *words])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_stream


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    one = Collector(tmp_path_factory.mktemp("stream-door"))
    yield one.start()
    one.close()


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    one = Live(tmp_path_factory.mktemp("stream-up"))
    try:
        yield one.start("up")
    finally:
        one.close()


@pytest.fixture
def told_door(tmp_path: Path) -> Iterator[ToldDoor]:
    one = ToldDoor(tmp_path / "told")
    yield one
    one.close()
