"""Sends a file of events again: line by line with a pause, or in batches as fast as it goes."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from headwater.stream.answers import REFUSED, Tally, Verdict
from headwater.stream.client import Sender
from headwater.stream.doors import Target, canonical
from headwater.stream.lines import Line

_MOST_LINES = 500
_MOST_BYTES = 2**20

Sent = list[tuple[Line, bytes]]


def replay(
    lines: Iterable[Line],
    sender: Sender,
    target: Target,
    tally: Tally,
    tell: Callable[[Line, Verdict], None],
    *,
    delay: float,
    later: timedelta | None,
) -> None:
    """Counts into `tally` as it goes, so that whoever interrupts it knows how far it came."""
    for place, batch in enumerate(_batches(lines, later, 1 if delay else _MOST_LINES)):
        if place and delay:
            time.sleep(delay)
        (first, _), *_ = batch
        if first.problem:
            verdicts = [Verdict(REFUSED, reason=first.problem)]
        else:
            verdicts = sender.send(canonical(target, [text for _, text in batch]))
        tally.add(verdicts)
        for (line, _), verdict in zip(batch, verdicts, strict=True):
            tell(line, verdict)


def _batches(lines: Iterable[Line], later: timedelta | None, most: int) -> Iterator[Sent]:
    """A line that is no event goes by itself, so that it costs no other."""
    batch: Sent = []
    size = 0
    for line in lines:
        text = line.to_send(later)
        is_alone = line.columns is None
        if batch and (is_alone or len(batch) == most or size + len(text) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((line, text))
        size += len(text)
        if is_alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
