"""All questions of the API: where each is asked, with what, and who answers it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from headwater.errors import UsageError
from headwater.explain import explain
from headwater.serve import parameters as takes
from headwater.serve.filters import DIMENSIONS, Asked, Filters, check_model
from headwater.serve.parameters import Parameter
from headwater.serve.questions import health, journeys
from headwater.serve.questions.breakdown import breakdown, comparison
from headwater.serve.questions.conversions import conversions, cursor_after
from headwater.serve.questions.events import events
from headwater.serve.questions.meta import Reach, meta, unit
from headwater.serve.questions.overview import overview
from headwater.serve.questions.timeseries import timeseries
from headwater.serve.questions.values import values
from headwater.settings import Settings, did_you_mean
from headwater.warehouse.protocol import Reader

COLUMNS = ("conversion_event", *DIMENSIONS)


@dataclass(frozen=True)
class Question:
    """One request, with all that an answer is made from."""

    reader: Reader
    settings: Settings
    reach: Reach
    today: date
    given: Mapping[str, Any]
    named: str = ""  # in the path
    status: Callable[[], dict[str, Any]] = dict

    @property
    def asked(self) -> Asked:
        filters = Filters(
            self.given.get("from"),
            self.given.get("to"),
            self.given.get("model", ()),
            **{name: self.given.get(name, ()) for name in COLUMNS},
        )
        return filters.resolved(self.reach.last_date, self.settings.attribution.models, self.today)

    @property
    def page(self) -> tuple[int, int]:
        """One row more than asked for: whether there is another page."""
        return self.given["limit"] + 1, offset_of(self.given["cursor"])


@dataclass(frozen=True)
class Found:
    """Rows or an object; `cursor` where there are more rows."""

    content: pa.Table | Mapping[str, Any]
    cursor: str | None = None
    envelope: Mapping[str, Any] = field(default_factory=dict)
    build_id: int = 0  # the one that it was made from


@dataclass(frozen=True)
class Endpoint:
    path: str
    told: str
    takes: Sequence[Parameter]
    columns: Mapping[str, str]  # of a row, or the fields of an object, by their kind
    find: Callable[[Question], Found]
    is_table: bool = True
    is_live: bool = False  # changes whether or not the tables do
    away: Callable[[Mapping[str, Any], Reach], Mapping[str, Any]] | None = (
        None  # while the warehouse does not answer
    )
    named: str = ""  # what the path's last part is
    is_open: bool = False  # has columns of each model besides


def offset_of(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 10:
        return int(cursor)
    raise UsageError("cursor is none that an answer gave: begin without one.")


def _rows(ask: Callable[[Question, Asked], pa.Table]) -> Callable[[Question], Found]:
    def find(question: Question) -> Found:
        asked = question.asked
        return Found(ask(question, asked), envelope=asked.dates())

    return find


def _paged(ask: Callable[[Question, Asked, int, int], pa.Table]) -> Callable[[Question], Found]:
    def find(question: Question) -> Found:
        asked, (limit, offset) = question.asked, question.page
        rows = ask(question, asked, limit, offset)
        more = str(offset + limit - 1) if rows.num_rows == limit else None
        return Found(rows.slice(0, limit - 1), more, asked.dates())

    return find


def _object(ask: Callable[[Question], Mapping[str, Any]]) -> Callable[[Question], Found]:
    return lambda question: Found(ask(question))


def _conversions(question: Question) -> Found:
    asked, limit = question.asked, question.given["limit"]
    rows = conversions(question.reader, asked, limit + 1, question.given["cursor"])
    page = rows.slice(0, limit)
    return Found(page, cursor_after(page) if rows.num_rows > limit else None, asked.dates())


def _events(question: Question) -> Found:
    filters = Filters(**{name: question.given[name] for name in ("event_name", *DIMENSIONS)})
    return Found(events(question.reader, question.reach.build_id, filters, question.given["limit"]))


def _breakdown(question: Question, asked: Asked, by: Sequence[str], limit: int, offset: int) -> pa.Table:
    persons = question.given["persons"] == "yes"
    return breakdown(question.reader, asked, by, limit, offset, persons=persons)


def _comparison(question: Question, asked: Asked, limit: int, offset: int) -> pa.Table:
    configured = question.settings.attribution.models
    models = (question.given["base"], question.given["against"])
    for model in models:
        check_model(model, configured)
    return comparison(question.reader, asked, question.given["by"], models, limit, offset)


def _values(question: Question, asked: Asked, limit: int, offset: int) -> pa.Table:
    if question.named not in COLUMNS:
        raise UsageError(
            f"There are no values of {question.named[:100]!r}{did_you_mean(question.named, COLUMNS) or ':'} "
            f"ask for one of {', '.join(COLUMNS)}."
        )
    return values(question.reader, asked, question.named, limit, offset)


def _health(question: Question) -> dict[str, Any]:
    asked = Filters().resolved(question.reach.last_date, question.settings.attribution.models, question.today)
    is_built = bool(question.reach.build_id)
    return {
        **_health_of(question.status(), question.reach),
        "dead_letters": health.dead_letters(question.reader),
        "builds": health.builds(question.reader),
        "full_builds": health.full_builds(question.reader),
        "ticks": health.ticks(question.reader),
        "quality": health.quality(question.reader, asked) if is_built else [],
    }


def _health_of(status: Mapping[str, Any], _: Reach) -> dict[str, Any]:
    """What can be told while the warehouse is away, too."""
    books = ("accepted", "loaded", "duplicates", "dead_letters", "pending", "lost")
    failed = [alert["message"] for alert in status["alerts"] if alert["name"] == "tests"]
    return {
        "state": status["state"],
        "books": {name: status[name] for name in books},
        "stages": status["latency"],
        "freshness_seconds": status["freshness_seconds"],
        "alerts": status["alerts"],
        "journal": status["journal"],
        "tests": {
            "tested_at": status.get("tested_at"),
            "failed": failed[0] if failed else None,
            **status.get("tests", {}),
        },
        "dead_letters": None,
        "builds": None,
        "full_builds": None,
        "ticks": None,
        "quality": None,
    }


def _freshness_of(status: Mapping[str, Any], reach: Reach) -> dict[str, Any]:
    return {
        "state": status["state"],
        "freshness_seconds": status["freshness_seconds"],
        "latency": status["latency"]["received_to_visible"],
        "published_at": reach.published_at,
        "build_id": reach.build_id,
        "events_per_second": status.get("events_per_second"),
        "alerts": status["alerts"],
    }


_CREDITED = {"conversions": "number", "value": "number"}
_SHIFTED = {"conversion_shift": "number", "value_shift": "number"}
_VISITED = {"sessions": "integer", "persons": "integer"}
_SHARED = {"conversions": "integer", "value": "number", "share": "number"}
_COMPARED = {
    f"{name}{end}": "number"
    for measure in ("conversion", "value")
    for name, end in (
        (f"base_{measure}", "s" if measure == "conversion" else ""),
        (f"against_{measure}", "s" if measure == "conversion" else ""),
        (f"{measure}_shift", ""),
        (f"{measure}_shift_percent", ""),
    )
}

ENDPOINTS = (
    Endpoint(
        "/meta",
        "What there is to ask about",
        (),
        {"version": "string", "timezone": "string", "reporting_currency": "string", "first_date": "date"},
        _object(lambda ask: meta(ask.reader, ask.settings, ask.reach, ask.today)),
        is_table=False,
        is_open=True,
    ),
    Endpoint(
        "/overview",
        "The few numbers that say how it goes, beside those of the days before",
        takes.FILTERS,
        {"from": "date", "to": "date", "previous_from": "date", "previous_to": "date", "model": "string"},
        _object(lambda ask: overview(ask.reader, ask.asked, unit(ask.reader, ask.settings))),
        is_table=False,
        is_open=True,
    ),
    Endpoint(
        "/timeseries",
        "Conversions and value over time",
        (*takes.FILTERS, takes.GRAIN, takes.BY_CHANNEL, takes.FORMAT),
        {"date": "date", "model": "string", "channel": "string", **_CREDITED},
        _rows(lambda ask, asked: timeseries(ask.reader, asked, ask.given["grain"], ask.given["by"])),
    ),
    Endpoint(
        "/channels",
        "Every model side by side, for each channel",
        (*takes.FILTERS, takes.PERSONS, *takes.PAGE, takes.FORMAT),
        {"channel": "string", **_VISITED, **_SHIFTED},
        _paged(lambda ask, asked, limit, offset: _breakdown(ask, asked, ("channel",), limit, offset)),
        is_open=True,
    ),
    Endpoint(
        "/campaigns",
        "Every model side by side, for each source, medium and campaign",
        (*takes.FILTERS, takes.BY, takes.PERSONS, *takes.PAGE, takes.FORMAT),
        {**dict.fromkeys(DIMENSIONS, "string"), **_VISITED, **_SHIFTED},
        _paged(lambda ask, asked, limit, offset: _breakdown(ask, asked, ask.given["by"], limit, offset)),
        is_open=True,
    ),
    Endpoint(
        "/comparison",
        "One model against another",
        (*takes.FILTERS[:-1], takes.BASE, takes.AGAINST, takes.BY_COMPARED, *takes.PAGE, takes.FORMAT),
        {**dict.fromkeys(DIMENSIONS, "string"), **_COMPARED},
        _paged(_comparison),
    ),
    Endpoint(
        "/journeys/paths",
        "The sequences of channels that led to conversions",
        (*takes.FILTERS, *takes.PAGE, takes.FORMAT),
        {"path": "string", "steps": "integer", **_SHARED, "median_days": "number"},
        _paged(lambda ask, asked, limit, offset: journeys.paths(ask.reader, asked, limit, offset)),
    ),
    Endpoint(
        "/journeys/links",
        "The passages from one step to the next",
        (*takes.FILTERS, takes.FORMAT),
        {
            "position": "integer",
            "origin": "string",
            "target": "string",
            "conversions": "integer",
            "value": "number",
        },
        _rows(lambda ask, asked: journeys.links(ask.reader, asked)),
    ),
    Endpoint(
        "/journeys/lengths",
        "How many steps journeys have",
        (*takes.FILTERS, takes.FORMAT),
        {"steps": "integer", **_SHARED},
        _rows(lambda ask, asked: journeys.lengths(ask.reader, asked)),
    ),
    Endpoint(
        "/journeys/days",
        "How many days journeys take",
        (*takes.FILTERS, takes.FORMAT),
        {"days": "integer", **_SHARED},
        _rows(lambda ask, asked: journeys.days(ask.reader, asked)),
    ),
    Endpoint(
        "/journeys/assists",
        "Which channels help, and which close",
        (*takes.FILTERS, takes.FORMAT),
        {
            "channel": "string",
            **dict.fromkeys(("assisted", "last", "first", "only"), "integer"),
            "assists_per_last": "number",
        },
        _rows(lambda ask, asked: journeys.assists(ask.reader, asked)),
    ),
    Endpoint(
        "/conversions",
        "Single conversions, the newest first",
        (*takes.FILTERS, *takes.PAGE, takes.FORMAT),
        {
            "conversion_id": "string",
            "conversion_at": "instant",
            "conversion_date": "date",
            "conversion_event": "string",
            "value": "number",
            "currency": "string",
            "transaction_id": "string",
            "person": "string",
            "steps": "integer",
            "first_channel": "string",
            "last_channel": "string",
            "first_click_channel": "string",
            "last_click_channel": "string",
            "days_to_convert": "number",
        },
        _conversions,
    ),
    Endpoint(
        "/conversions",
        "Why a conversion is credited as it is",
        (),
        {"conversion": "object", "touches": "array", "steps": "array", "credits": "array"},
        _object(lambda ask: asdict(explain(ask.named, ask.reader, ask.settings))),
        is_table=False,
        named="conversion_id",
        is_open=True,
    ),
    Endpoint(
        "/events",
        "What has come in last",
        (*takes.OF_EVENTS, takes.FEW, takes.FORMAT),
        {
            "event_id": "string",
            "event_at": "instant",
            "received_at": "instant",
            "event_name": "string",
            "person": "string",
            "channel": "string",
            "source_kind": "string",
            "page": "string",
            "value": "number",
            "currency": "string",
        },
        _events,
    ),
    Endpoint(
        "/values",
        "What a filter can be set to",
        (*takes.FILTERS, *takes.PAGE, takes.FORMAT),
        {"value": "string", "conversions": "number"},
        _paged(_values),
        named="column",
    ),
    Endpoint(
        "/freshness",
        "How soon what comes in can be seen",
        (),
        {"state": "string", "freshness_seconds": "number", "latency": "object", "build_id": "integer"},
        _object(lambda ask: _freshness_of(ask.status(), ask.reach)),
        is_table=False,
        is_live=True,
        away=_freshness_of,
        is_open=True,
    ),
    Endpoint(
        "/health",
        "How the whole of it is",
        (),
        {"state": "string", "books": "object", "stages": "object", "alerts": "array"},
        _object(_health),
        is_table=False,
        is_live=True,
        away=_health_of,
        is_open=True,
    ),
)
