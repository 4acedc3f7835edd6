"""Steady traffic: every request leaves when it is due, whether or not those before it were answered."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import httpx

from headwater.errors import TerminalError
from headwater.stream.answers import Tally, problem_of, verdicts_of
from headwater.stream.client import unreachable
from headwater.stream.doors import Door, Request, Target, request_of, several
from headwater.stream.script import Event

_REQUESTS = 20  # per second, each with its share of the events
_CONNECTIONS = 64
_LATE = 1.0  # seconds after its end in which a plan that has fallen behind may catch up
_TIMEOUT = httpx.Timeout(10.0, pool=None)


@dataclass
class Paced:
    """What became of a plan. A request's latency counts from when it was due."""

    wanted: int
    seconds: float
    sent: int = 0
    took: float = 0.0  # from the first to the last request
    tally: Tally = field(default_factory=Tally)
    failures: Counter[str] = field(default_factory=Counter)  # why events were not taken
    latencies: list[float] = field(default_factory=list)
    interrupted: bool = False

    @property
    def rate(self) -> float:
        return self.sent / max(self.took, self.seconds)

    @property
    def unanswered(self) -> int:
        return self.sent - self.tally.count

    @property
    def was_kept(self) -> bool:
        return self.sent == self.wanted and self.took <= self.seconds * 1.05

    def quantile(self, share: float) -> float | None:
        ordered = sorted(self.latencies)
        return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


@dataclass(frozen=True)
class Plan:
    rate: float
    seconds: float
    requests: float  # per second

    @property
    def events(self) -> int:
        return round(self.rate * self.seconds)

    def __iter__(self) -> Iterator[tuple[float, int]]:
        """When each request is due, in seconds from the start, and how many events it has."""
        count = max(round(self.requests * self.seconds), 1)
        for place in range(count):
            share = (place + 1) * self.events // count - place * self.events // count
            if share:
                yield place / count * self.seconds, share


def keep_pace(
    target: Target, events: Iterator[Event], rate: float, seconds: float, heard: Callable[[float], None]
) -> Paced:
    requests = min(_REQUESTS, rate) if target.door is Door.v1 else rate
    return asyncio.run(_send(target, events, Plan(rate, seconds, requests), heard))


async def _send(target: Target, events: Iterator[Event], plan: Plan, heard: Callable[[float], None]) -> Paced:
    paced = Paced(plan.events, plan.seconds)
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=target.url, timeout=_TIMEOUT, limits=limits, trust_env=False
    ) as http:
        try:
            await http.get("/health")
            await _keep(http, target, events, plan, heard, paced)
        except httpx.HTTPError as error:
            raise unreachable(target.url, error) from error
        except asyncio.CancelledError:
            paced.interrupted = True
    return paced


async def _keep(
    http: httpx.AsyncClient,
    target: Target,
    events: Iterator[Event],
    plan: Plan,
    heard: Callable[[float], None],
    paced: Paced,
) -> None:
    began, clock = time.monotonic(), time.time_ns() // 1000
    try:
        async with asyncio.TaskGroup() as under_way:
            for due, count in plan:
                await asyncio.sleep(max(began + due - time.monotonic(), 0))
                paced.took = time.monotonic() - began
                if paced.took > plan.seconds + _LATE:
                    return
                batch = list(islice(events, count))
                for event in batch:
                    event["event_timestamp"] = clock + int(due * 1_000_000)
                requests = (
                    [several(target, batch)]
                    if target.door is Door.v1
                    else [request_of(target, event) for event in batch]
                )
                for request in requests:
                    under_way.create_task(_post(http, request, began + due, paced))
                paced.sent += count
                heard(due / plan.seconds)
    except* TerminalError as errors:
        raise errors.exceptions[0] from None


async def _post(http: httpx.AsyncClient, request: Request, due: float, paced: Paced) -> None:
    try:
        answer = await http.post(
            request.path, params=dict(request.query), content=request.content, headers=dict(request.headers)
        )
    except httpx.HTTPError as error:
        paced.failures[str(error) or type(error).__name__] += request.count
        return
    if answer.status_code >= 429:
        problem = problem_of(answer)
        paced.failures[problem.type if problem else f"status {answer.status_code}"] += request.count
        return
    paced.latencies.append(time.monotonic() - due)
    paced.tally.add(verdicts_of(answer, request.count))
