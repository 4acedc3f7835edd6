"""Fixtures: a broker of each kind in a process of its own, and the live product on it."""

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.live import Live

NEEDED = {
    "kafka": ("confluent_kafka", "confluent-kafka"),
    "pubsub": ("google.cloud.pubsub_v1", "google-cloud-pubsub"),
}


class Broker:
    """Has a topic of one name, and can be away for a while."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        script, words = {
            "kafka": ("kafka_broker.py", ["events"]),
            "pubsub": ("pubsub_server.py", ["a-project", "events", "events-headwater"]),
        }[kind]
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self.address = self._process.stdout.readline().decode().strip()
        assert self.address, "the broker does not start"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}/events" if self.kind == "kafka" else "pubsub://a-project/events"

    def leave(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self._process.pid}/task")
        while any("State:\tT" not in (task / "status").read_text() for task in tasks.iterdir()):
            time.sleep(0.01)  # each of its threads stops when it is scheduled next

    def come_back(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def kind(name: str) -> Any:
    module, package = NEEDED[name]
    missing = f"NO {package.upper()}: install it to test the fan-in on {name}"
    return pytest.param(name, marks=pytest.mark.skipif(not is_installed(module), reason=missing))


@pytest.fixture(params=[kind(name) for name in NEEDED])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    one = Broker(request.param)
    if one.kind == "pubsub":
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", one.address)
    else:
        monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    yield one
    one.close()


@pytest.fixture
def live(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., Live]]:
    """Makes homes on the broker that nothing runs on yet."""
    made: list[Live] = []

    def make(url: str = "duckdb:///warehouse.duckdb", **dotted: Any) -> Live:
        keys = {"collect.journal_url": broker.url, **dotted}
        made.append(Live(tmp_path / f"live{len(made)}", url, **keys))
        return made[-1]

    yield make
    for one in made:
        one.close()
