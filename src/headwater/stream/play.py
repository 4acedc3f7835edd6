"""Plays a demo: each event goes out when its time has come, which for an earlier run is at once."""

import time
from collections.abc import Callable, Sequence

from headwater.stream.answers import REFUSED, Tally, Verdict
from headwater.stream.client import Sender
from headwater.stream.doors import Target, request_of
from headwater.stream.script import Step
from headwater.stream.watch import Followed


def play(
    steps: Sequence[Step],
    sender: Sender,
    target: Target,
    tally: Tally,
    tell: Callable[[Step, Verdict], None],
) -> list[Followed]:
    """The events that were taken."""
    followed = []
    for step in steps:
        time.sleep(max(step.event["event_timestamp"] / 1e6 - time.time(), 0))
        (verdict,) = sender.send(request_of(target, step.event))
        tally.add([verdict])
        tell(step, verdict)
        if verdict.status != REFUSED:
            followed.append(Followed(step.event))
    return followed
