"""What a sender is told: a report on its events, or one typed refusal of the whole request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from headwater.errors import DiskFull, JournalFull, TransientError
from headwater.event import ID_CONFLICT
from headwater.journal.arrival import Arrival, Outcome
from headwater.journal.commit import CONFLICT_DETAIL

Headers = Mapping[str, str]

_STATUS = {
    "malformed": 400,
    "too_many_events": 400,
    "unknown_key": 401,
    "origin_not_allowed": 403,
    "stream_not_allowed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unsupported_encoding": 415,
    "rate_limited": 429,
    "journal_full": 429,
    "unavailable": 503,
    "disk_full": 507,
}
RETRY_AFTER = {"rate_limited": 1, "journal_full": 5, "unavailable": 1, "disk_full": 30}


class Problem(msgspec.Struct, frozen=True):
    type: str
    message: str


class Failure(msgspec.Struct, frozen=True):
    error: Problem


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event: accepted and duplicate ones have an id, refused ones a reason."""

    status: str
    event_id: str | None = None
    reason: str | None = None
    detail: str | None = None


class Report(msgspec.Struct, frozen=True):
    accepted: int
    duplicates: int
    refused: int
    events: list[Verdict]


class Refused(Exception):  # noqa: N818
    """The whole request is not taken, and nothing of it is kept."""

    def __init__(self, kind: str, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = _STATUS[kind]
        self.closes = closes  # the rest of the body is not read


class _Named(msgspec.Struct):
    event_id: str


_TOO_LARGE_DETAIL = "it is larger than a message of the broker may be, and it was not kept"
_id_of = msgspec.json.Decoder(_Named)
_NOTHING = ASGIResponse(status_code=204)  # the usual answer; made once
_encode = msgspec.json.Encoder().encode


def problem_of(error: TransientError) -> Refused:
    """The journal's errors, as a sender is told them."""
    if isinstance(error, JournalFull):
        return Refused("journal_full", str(error))
    if isinstance(error, DiskFull):
        return Refused("disk_full", "The disk is nearly full; make room, nothing of this request was kept.")
    return Refused("unavailable", "The journal cannot be written at the moment; send the request again.")


def refusal(refused: Refused, headers: Headers) -> ASGIResponse:
    own = dict(headers)
    if refused.kind in RETRY_AFTER:
        own["retry-after"] = str(RETRY_AFTER[refused.kind])
    if refused.closes:
        own["connection"] = "close"
    return answer(refused.status, Failure(Problem(refused.kind, str(refused))), own)


def answer(status: int, content: Any, headers: Headers) -> ASGIResponse:
    return ASGIResponse(
        body=_encode(content), status_code=status, headers=dict(headers), media_type="application/json"
    )


def nothing(headers: Headers) -> ASGIResponse:
    return ASGIResponse(status_code=204, headers=dict(headers)) if headers else _NOTHING


def report(arrivals: Sequence[Arrival], outcomes: Sequence[Outcome]) -> Report:
    counts = Counter(outcomes)
    return Report(
        counts[Outcome.ACCEPTED],
        counts[Outcome.DUPLICATE],
        counts[Outcome.REFUSED] + counts[Outcome.CONFLICT] + counts[Outcome.TOO_LARGE],
        [_verdict(arrival, outcome) for arrival, outcome in zip(arrivals, outcomes, strict=True)],
    )


def status_of(report: Report) -> int:
    return 422 if report.refused and report.refused == len(report.events) else 200


def _verdict(arrival: Arrival, outcome: Outcome) -> Verdict:
    if outcome is Outcome.REFUSED:
        return Verdict("refused", reason=arrival.reason, detail=arrival.detail)
    if outcome is Outcome.TOO_LARGE:
        return Verdict("refused", reason="too_large", detail=_TOO_LARGE_DETAIL)
    if outcome is Outcome.CONFLICT:
        return Verdict("refused", _id_of.decode(arrival.body).event_id, ID_CONFLICT, CONFLICT_DETAIL)
    return Verdict(outcome.value, _id_of.decode(arrival.body).event_id)
