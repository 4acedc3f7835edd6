"""What a door has answered, event by event, and the sum of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import msgspec

from headwater.errors import TerminalError

TAKEN = "taken"  # new or a duplicate: an answer without a body does not say which
REFUSED = "refused"
_ABOUT_THE_EVENTS = (400, 413)


class Verdict(msgspec.Struct, frozen=True):
    status: str
    event_id: str | None = None
    reason: str = ""
    detail: str = ""


class _Report(msgspec.Struct):
    events: list[Verdict]


class Problem(msgspec.Struct):
    type: str
    message: str


class _Failure(msgspec.Struct):
    error: Problem


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, verdicts: Sequence[Verdict]) -> None:
        self.counts.update(verdict.status for verdict in verdicts)

    @property
    def count(self) -> int:
        return self.counts.total()

    def __str__(self) -> str:
        told = [
            f"{self.counts['accepted']:,} accepted",
            f"{self.counts['duplicate']:,} duplicates",
            f"{self.counts[REFUSED]:,} refused",
        ]
        if not self.counts[TAKEN]:
            return ", ".join(told)
        return (
            f"{self.counts[TAKEN]:,} taken (this door does not say which of them were duplicates), {told[2]}"
        )


def verdicts_of(answer: httpx.Response, count: int) -> list[Verdict]:
    """One for each event of the request; an error where the door takes no request like it."""
    if answer.status_code == 204:
        return [Verdict(TAKEN)] * count
    if answer.status_code in (200, 422):
        try:
            verdicts = msgspec.json.decode(answer.content, type=_Report).events
        except msgspec.MsgspecError:
            raise _not_a_door(answer) from None
        if len(verdicts) != count:
            raise _not_a_door(answer)
        return verdicts
    problem = problem_of(answer)
    if problem is None:
        raise _not_a_door(answer)
    if answer.status_code in _ABOUT_THE_EVENTS:
        return [Verdict(REFUSED, reason=problem.type, detail=problem.message)] * count
    hint = " Send with --key SECRET." if problem.type == "unknown_key" else ""
    raise TerminalError(f"The door takes nothing ({problem.type}): {problem.message}{hint}")


def problem_of(answer: httpx.Response) -> Problem | None:
    try:
        return msgspec.json.decode(answer.content, type=_Failure).error
    except msgspec.MsgspecError:
        return None


def _not_a_door(answer: httpx.Response) -> TerminalError:
    place = f"{answer.url.host}:{answer.url.port}"
    return TerminalError(
        f"What answers at {place} is no door of headwater (status {answer.status_code}): check collect.port."
    )
