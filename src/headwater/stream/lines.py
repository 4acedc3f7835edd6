"""The lines of a file of canonical events, as they are sent."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from headwater.collect.json_parts import NotJson, object_of, parts_of, value_of
from headwater.errors import SourceError
from headwater.event import MALFORMED_CSV, moment, text_of
from headwater.sources.csv_file import header
from headwater.sources.files import expand, kind_of
from headwater.sources.lines import chunks

_NOTHING = (None, "")


@dataclass(frozen=True)
class Line:
    number: int
    original: bytes
    columns: dict[str, Any] | None = None  # None where it is no event; the door says why
    problem: str | None = None  # why it cannot be sent at all

    def value(self, name: str) -> Any:
        given = (self.columns or {}).get(name)
        return value_of(given) if isinstance(given, msgspec.Raw) else given

    def to_send(self, later: timedelta | None) -> bytes:
        """With its number as the event's place, so that the same file makes the same ids, however it is cut into
        requests; and moved in time, where that is asked for."""
        if self.columns is None:
            return self.original
        columns = dict(self.columns)
        if self.value("batch_event_index") in _NOTHING:
            columns["batch_event_index"] = self.number
        at = _moment_of(self)
        if later is not None and at is not None:
            columns["event_timestamp"] = (at + later).isoformat(timespec="microseconds") + "Z"
        return msgspec.json.encode(columns)


def lines_of(path: Path) -> Iterator[Line]:
    """A generator that knows at once whether there is a file of that kind."""
    if path.is_dir():
        raise SourceError(f"{path} is a folder: name one file of events.")
    (file,) = expand([path])
    kind = kind_of(file)
    if kind == "csv":
        return _rows(file)
    if kind == "ndjson":
        return _objects(file)
    raise SourceError(
        f"{path} is neither CSV nor NDJSON with canonical columns: `headwater load` may take it."
    )


def until_now(path: Path) -> timedelta:
    """How much later the events of the file have to be for the last of them to be now."""
    last = max(filter(None, map(_moment_of, lines_of(path))), default=None)
    if last is None:
        raise SourceError(f"{path} has no event_timestamp that can be read: send it without --now.")
    return datetime.now(UTC).replace(tzinfo=None) - last


def _moment_of(line: Line) -> datetime | None:
    text = text_of(line.value("event_timestamp"))
    return None if text is None else moment(text)


def _objects(path: Path) -> Iterator[Line]:
    number = 0
    for chunk in chunks(path):
        for raw in chunk.removesuffix(b"\n").split(b"\n"):
            number += 1
            text = raw.strip(b" \t\r")
            if text:
                # an array as it stands would be several events
                yield Line(number, b"[%b]" % text if text[:1] == b"[" else text, _parts(text))


def _parts(text: bytes) -> dict[str, Any] | None:
    try:
        values = object_of(text)
    except NotJson:
        return None
    try:
        return dict(parts_of(text))
    except NotJson:
        return values  # NaN, which strict JSON has no word for


def _rows(path: Path) -> Iterator[Line]:
    head = header(path)
    texts = (
        text + "\n"
        for chunk in chunks(path)
        for text in chunk.decode(errors="backslashreplace").removesuffix("\n").split("\n")
    )
    for _ in range(head.lines):
        next(texts)
    reader = csv.reader(texts, delimiter=head.delimiter)
    while True:
        number = head.lines + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, b"", problem=f"{MALFORMED_CSV}: {error}")
            continue
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(head.names):
            wrong = f"{MALFORMED_CSV}: {len(row)} fields where the header has {len(head.names)}"
            yield Line(number, b"", problem=wrong)
            continue
        filled = {name: field for name, field in zip(head.names, row, strict=True) if field != ""}
        yield Line(number, b"", filled)
