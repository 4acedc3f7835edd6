"""Refused rows of files, read again by themselves."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from headwater.event import DEAD_LETTER_SCHEMA, MALFORMED_CSV, RAW_SCHEMA
from headwater.sources.read import read_file
from headwater.warehouse.protocol import EventBatch


def batch_again(originals: Sequence[bytes]) -> tuple[EventBatch, dict[int, str]]:
    """The events, in order, and by place why an original is none still.

    A row of a CSV file says nothing without its header: it is mended in the file, which is loaded again."""
    refused = {place: MALFORMED_CSV for place, one in enumerate(originals) if not _is_object(one)}
    exported = [place for place, one in enumerate(originals) if place not in refused and _is_export(one)]
    canonical = [place for place in range(len(originals)) if place not in refused and place not in exported]
    events: dict[int, pa.Table] = {}
    for places, file_format in ((exported, "ga4"), (canonical, "ndjson")):
        rows = _read([originals[place] for place in places], file_format) if places else []
        for place, row in zip(places, rows, strict=True):
            if isinstance(row, str):
                refused[place] = row
            else:
                events[place] = row
    together = pa.concat_tables([RAW_SCHEMA.empty_table(), *(events[place] for place in sorted(events))])
    return EventBatch(together, DEAD_LETTER_SCHEMA.empty_table()), refused


def _read(originals: Sequence[bytes], file_format: str) -> list[pa.Table | str]:
    """For each of them its event, or the reason against it."""
    with tempfile.TemporaryDirectory(prefix="headwater-replay-") as folder:
        file = Path(folder) / "rows.ndjson"
        file.write_bytes(b"".join(_on_one_line(one) + b"\n" for one in originals))
        batches = list(read_file(file, file_format))
    letters = [letter for batch in batches for letter in batch.dead_letters.to_pylist()]
    reasons = {letter["line"] - 1: letter["reason"] for letter in letters}
    events = pa.concat_tables([RAW_SCHEMA.empty_table(), *(batch.events for batch in batches)])
    found: list[pa.Table | str] = []
    taken = 0
    for place in range(len(originals)):
        if place in reasons:
            found.append(reasons[place])
        else:
            found.append(events.slice(taken, 1))
            taken += 1
    return found


def _on_one_line(original: bytes) -> bytes:
    return original.replace(b"\r", b" ").replace(b"\n", b" ")


def _is_object(original: bytes) -> bool:
    return original.lstrip().startswith(b"{")


def _is_export(original: bytes) -> bool:
    try:
        return isinstance(json.loads(original).get("event_params"), list)
    except ValueError:
        return False
