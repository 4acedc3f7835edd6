"""Follows events through the engine until the marts show them, and says how long each stage took."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Protocol

import httpx
import pyarrow as pa

from headwater.errors import TransientError
from headwater.stream.script import Event
from headwater.warehouse.bound import Bound

_POLL = 0.1  # seconds
STAGES = (
    "generated → received",
    "received → journal",
    "journal → warehouse",
    "warehouse → mart",
    "received → mart",
)

Row = dict[str, Any]


class Engine(Protocol):
    def ask(self, method: str, path: str, content: Any = None) -> httpx.Response: ...


@dataclass
class Followed:
    """An event, with the moments when it reached each stage, in seconds since 1970."""

    event: Event
    stages: dict[str, float] = field(default_factory=dict)

    def delays(self) -> list[float | None]:
        at = [
            self.stages.get(f"{name}_at")
            for name in ("generated", "received", "journaled", "loaded", "visible")
        ]
        pairs = [*pairwise(at), (at[1], at[4])]
        # a clock that was set back makes no time run backwards
        return [None if a is None or b is None else max(b - a, 0) for a, b in pairs]


class Watch:
    def __init__(self, engine: Engine, stream: str, conversion_events: Sequence[str]) -> None:
        self._engine = engine
        self._stream = stream
        self._conversion_events = conversion_events

    def until_shown(self, followed: Sequence[Followed], timeout: float) -> None:
        """Returns when the marts show all of them; else an error that names the stage where they are stuck."""
        until = time.monotonic() + timeout
        ids: dict[str, Followed] = {}
        while True:
            if len(ids) < len(followed):
                ids = self._ids(followed)
            missing = self._missing(followed, ids)
            if missing is None:
                return
            if time.monotonic() >= until:
                raise TransientError(f"After {timeout:g} s {missing}")
            time.sleep(_POLL)

    def credits(self, events: Sequence[Event]) -> list[Row]:
        """What the persons of these events have brought, by channel and model."""
        bound = Bound()
        return self._query(
            f"""
            select attribution_model, channel, sum(credit) as conversions, sum(credited_value) as value
            from int_attribution_credits where {_of_persons(bound, events)}
            group by attribution_model, channel order by channel, attribution_model
            """,
            bound,
        )

    def _missing(self, followed: Sequence[Followed], ids: Mapping[str, Followed]) -> str | None:
        self._trace(ids)
        count = len(followed)
        loaded = sum("loaded_at" in one.stages for one in followed)
        if loaded < count:
            return (
                f"{count - loaded} of {count} events are not in the warehouse: "
                "`headwater status` says what holds them up."
            )
        visible = sum("visible_at" in one.stages for one in followed)
        if visible < count:
            return (
                f"{count - visible} of {count} events are in the warehouse and not in the marts: "
                "`headwater status` says which model fails."
            )
        return self._missing_in_marts([one.event for one in followed])

    def _missing_in_marts(self, events: Sequence[Event]) -> str | None:
        wanted = sum(event["event_name"] in self._conversion_events for event in events)
        if not wanted:
            return None
        bound = Bound()
        (found,) = self._query(
            f"select count(*) as conversions from int_conversions where {_of_persons(bound, events)}", bound
        )
        if found["conversions"] < wanted:
            return (
                f"the marts show {found['conversions']} of {wanted} conversions: "
                "`headwater build --full-refresh` computes them anew."
            )
        bound = Bound()
        (mart,) = self._query(_IN_MART.format(persons=_of_persons(bound, events)), bound)
        if not mart["wanted"] or mart["shown"] < mart["wanted"]:
            return (
                f"mart_attribution shows {mart['shown']} of {mart['wanted']} rows that these events give: "
                "`headwater build --full-refresh` computes it anew."
            )
        return None

    def _trace(self, ids: Mapping[str, Followed]) -> None:
        wanted = {"event_ids": list(ids), "stream_id": self._stream}
        for traced in self._engine.ask("POST", "/v1/trace", wanted).json()["events"]:
            ids[traced["event_id"]].stages = {
                stage: _seconds(at) for stage, at in traced.items() if stage.endswith("_at") and at
            }

    def _ids(self, followed: Sequence[Followed]) -> dict[str, Followed]:
        """The ids that the door gave, told by person, session and place where it did not say them."""
        by_place = {_place(one.event): one for one in followed}
        bound = Bound()
        persons = bound.among("user_pseudo_id", _persons(one.event for one in followed))
        rows = self._query(
            f"""
            select event_id, user_pseudo_id, ga_session_id, batch_ordering_id from events_streaming
            where stream_id = {bound(self._stream)} and {persons}
            """,
            bound,
        )
        return {row["event_id"]: by_place[_place(row)] for row in rows if _place(row) in by_place}

    def _query(self, sql: str, bound: Bound) -> list[Row]:
        asked = {"sql": sql, "parameters": [("text", value) for value in bound.values]}
        answer = self._engine.ask("POST", "/v1/query", asked)
        return list(pa.ipc.open_stream(answer.content).read_all().to_pylist())


# Credits of other persons may be in the same rows of the mart: it shows at least these.
_IN_MART = """
with own as (
    select attribution_model, conversion_date, conversion_event, channel, source, medium, campaign,
        sum(credit) as credit
    from int_attribution_credits where {persons}
    group by 1, 2, 3, 4, 5, 6, 7
)
select count(*) as wanted, count(mart.attribution_model) as shown
from own
left join mart_attribution as mart
    on mart.attribution_model = own.attribution_model
    and mart.conversion_date = own.conversion_date
    and mart.conversion_event = own.conversion_event
    and mart.attributed_channel = own.channel
    and mart.source is not distinct from own.source
    and mart.medium is not distinct from own.medium
    and mart.campaign is not distinct from own.campaign
    and mart.conversion_count >= own.credit
"""


def delays(followed: Sequence[Followed]) -> list[tuple[str, float | None, float | None]]:
    """Of each stage: the median, and the slowest event."""
    columns = zip(*(one.delays() for one in followed), strict=True)
    rows = []
    for stage, column in zip(STAGES, columns, strict=True):
        known = sorted(delay for delay in column if delay is not None)
        rows.append(
            (stage, known[math.ceil(len(known) / 2) - 1], known[-1]) if known else (stage, None, None)
        )
    return rows


def _place(event: Event) -> tuple[Any, ...]:
    return event["user_pseudo_id"], event["ga_session_id"], event["batch_ordering_id"]


def _of_persons(bound: Bound, events: Sequence[Event]) -> str:
    return bound.among("person_id", [f"device:{person}" for person in _persons(events)])


def _persons(events: Iterable[Event]) -> list[str]:
    return sorted({event["user_pseudo_id"] for event in events})


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).astimezone(UTC).timestamp()
