"""The name of a run: it holds the time when the run began, so that the same name makes the same events again."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from headwater.errors import UsageError

_NAME = re.compile(r"([0-9]{8}T[0-9]{6})([0-9]{3})-[0-9a-f]{4}")


@dataclass(frozen=True)
class Run:
    name: str
    started_at: int  # microseconds since 1970


def new_run() -> Run:
    now = datetime.now(UTC)
    return named_run(f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(2)}")


def named_run(name: str) -> Run:
    found = _NAME.fullmatch(name)
    try:
        if found is None:
            raise ValueError
        second = datetime.strptime(found[1] + "+0000", "%Y%m%dT%H%M%S%z")
    except ValueError:
        raise UsageError(
            f"{name!r} is no run: take the name that an earlier `headwater stream` has printed, or leave out --run."
        ) from None
    return Run(name, int(second.timestamp()) * 1_000_000 + int(found[2]) * 1000)
