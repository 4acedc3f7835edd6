"""What the door counts, for Prometheus. With several workers the counts are files that any of them adds up."""

import os
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from headwater.journal.arrival import Outcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "headwater_door_requests",
            "Requests, by door and HTTP status",
            ["door", "status"],
            registry=self._registry,
        )
        events = Counter(
            "headwater_door_events", "Events, by what became of them", ["outcome"], registry=self._registry
        )
        self._durable = Histogram(
            "headwater_door_durable_seconds",
            "From the receipt of a request until its events are on disk",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._queue = Gauge(
            "headwater_door_queue_bytes",
            "What waits for the disk",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._outcomes = {outcome: events.labels(outcome.value) for outcome in Outcome}
        self._answers: dict[tuple[str, int], Counter] = {}

    def answered(self, door: str, status: int) -> None:
        answers = self._answers.get((door, status))
        if answers is None:
            answers = self._answers[door, status] = self._requests.labels(door, str(status))
        answers.inc()

    def kept(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        self._durable.observe(seconds)
        for outcome in set(outcomes):
            self._outcomes[outcome].inc(outcomes.count(outcome))

    def text(self, queue_bytes: int) -> bytes:
        self._queue.set(queue_bytes)
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
