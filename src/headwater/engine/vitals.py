"""How the engine is: what flows, how long each stage takes, and what is wrong. Shared by its threads."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

import msgspec

from headwater.journal.delays import Delays
from headwater.journal.journal import Row
from headwater.transform.tested import Tested

SLOT_SECONDS = 10
FLOW_SECONDS = 10.0
SLOTS = 30  # latencies are those of the last five minutes

GENERATED = "generated_to_received"
JOURNALED = "received_to_journaled"
LOADED = "journaled_to_loaded"
VISIBLE = "loaded_to_visible"
WHOLE = "received_to_visible"


class _Told(msgspec.Struct):
    event_timestamp: int


_told = msgspec.json.Decoder(_Told).decode


class Stage:
    """The delays of one stage over the last minutes."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, Delays]] = deque(maxlen=SLOTS)

    def add(self, microseconds: int, times: int = 1) -> None:
        slot = int(time.monotonic()) // SLOT_SECONDS
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append((slot, Delays()))
        # a clock that was set back makes no time run backwards
        self._slots[-1][1].add(max(microseconds, 0), times)

    def recent(self) -> Delays:
        oldest = int(time.monotonic()) // SLOT_SECONDS - SLOTS
        together = Delays()
        for slot, delays in self._slots:
            if slot > oldest:
                together.add_json(delays.as_json())
        return together


@dataclass(frozen=True)
class Alert:
    message: str
    since: float
    attempts: int = 1


@dataclass(frozen=True)
class LastTick:
    finished_at: float
    seconds: float
    persons: int
    full: bool


@dataclass
class _Waiting:
    number: int  # of the append
    loaded_at: int
    received: list[int] = field(default_factory=list)


class Vitals:
    def __init__(self) -> None:
        self._lock = Lock()
        self._stages = {name: Stage() for name in (GENERATED, JOURNALED, LOADED, VISIBLE, WHOLE)}
        self._waiting: deque[_Waiting] = deque()
        self._appends = 0
        self._alerts: dict[str, Alert] = {}
        self._last_tick: LastTick | None = None
        self._ticks = 0
        self._tested: Tested | None = None
        self._flow: deque[tuple[float, int]] = deque(maxlen=1000)

    def loaded(self, rows: Sequence[Row], loaded_at: int) -> None:
        with self._lock:
            self._flow.append((time.monotonic(), len(rows)))
            self._appends += 1
            waiting = _Waiting(self._appends, loaded_at)
            for row in rows:
                self._stages[JOURNALED].add(row.journaled_at - row.received_at)
                self._stages[LOADED].add(loaded_at - row.journaled_at)
                if row.reason is None:
                    waiting.received.append(row.received_at)
                    with suppress(msgspec.MsgspecError):  # it is a dead letter by now
                        self._stages[GENERATED].add(row.received_at - _told(row.body).event_timestamp)
            self._waiting.append(waiting)

    def appends(self) -> int:
        """How many there have been: what a tick that begins now makes visible. A clock that is set back cannot say."""
        with self._lock:
            return self._appends

    def ticked(self, appends: int, visible_at: int, tick: LastTick) -> None:
        """All that was loaded before the tick began can be seen now."""
        with self._lock:
            self._last_tick = tick
            self._ticks += 1
            while self._waiting and self._waiting[0].number <= appends:
                waiting = self._waiting.popleft()
                self._stages[VISIBLE].add(visible_at - waiting.loaded_at, len(waiting.received))
                for received_at in waiting.received:
                    self._stages[WHOLE].add(visible_at - received_at)

    def found_unseen(self, received_at: int, loaded_at: int) -> None:
        """What the last process has loaded and not made visible any more waits for the first tick of this one."""
        with self._lock:
            self._waiting.append(_Waiting(self._appends, loaded_at, [received_at]))

    def oldest_unseen(self) -> int | None:
        """When the oldest event that is loaded and cannot be seen yet was received; None where there is none."""
        with self._lock:
            received = next((waiting.received for waiting in self._waiting if waiting.received), None)
        return received[0] if received else None

    def events_per_second(self) -> float:
        """Of the last ten seconds."""
        with self._lock:
            while self._flow and self._flow[0][0] < time.monotonic() - FLOW_SECONDS:
                self._flow.popleft()
            return sum(count for _, count in self._flow) / FLOW_SECONDS

    def delays(self) -> dict[str, Delays]:
        with self._lock:
            return {name: stage.recent() for name, stage in self._stages.items()}

    def raise_alert(self, name: str, message: str) -> None:
        with self._lock:
            known = self._alerts.get(name)
            since, attempts = (known.since, known.attempts + 1) if known else (time.time(), 1)
            self._alerts[name] = Alert(message, since, attempts)

    def clear_alert(self, name: str) -> None:
        with self._lock:
            self._alerts.pop(name, None)

    def alerts(self) -> dict[str, Alert]:
        with self._lock:
            return dict(self._alerts)

    def told_of_tests(self, tested: Tested | None) -> None:
        with self._lock:
            self._tested = tested

    @property
    def last_tick(self) -> LastTick | None:
        return self._last_tick

    @property
    def ticks(self) -> int:
        return self._ticks

    @property
    def tested(self) -> Tested | None:
        return self._tested
