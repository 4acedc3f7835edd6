"""Writes rows by tabledata.insertAll.

The insertId is the row's place in its load, not the event's id: of two rows with one insertId within a minute Google
drops one without a word, and a repeat has to be counted, a conflict to be kept. The insertId sees to it that a request
may be sent twice; that an event is stored once is seen to when the load is settled."""

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.warehouse.bigquery_jobs import REQUEST_SECONDS, patiently
from headwater.warehouse.bigquery_writer import Refused, pieces

MOST_ROWS = 500  # of one request, as Google advises


class InsertAllWriter:
    def __init__(self, client: bigquery.Client, dataset: str) -> None:
        self._client = client
        self._dataset = dataset

    def write(self, table: str, rows: pa.Table, load_id: str) -> list[Refused]:
        refused: list[Refused] = []
        for start, piece in cut(rows):
            places = range(start, start + piece.num_rows)
            waiting = dict(zip(places, (as_json(row) for row in piece.to_pylist()), strict=True))
            while waiting:
                answer = self._send(f"{self._dataset}.{table}", waiting, load_id)
                bad, again = told(answer, list(waiting))
                refused += bad
                if not bad and again:  # refused without a reason: it is not for us to find one
                    raise exceptions.InternalServerError(f"insertAll took none of {len(again)} rows")
                waiting = {place: waiting[place] for place in again}
        return refused

    def _send(self, table: str, rows: dict[int, Any], load_id: str) -> list[dict[str, Any]]:
        """The errors by row; a row that is right but stood beside a wrong one is `stopped`, and not in."""
        for attempt in patiently():
            with attempt:
                return list(
                    self._client.insert_rows_json(
                        table, list(rows.values()), row_ids=[f"{load_id}-{place}" for place in rows],
                        retry=None, timeout=REQUEST_SECONDS,
                    )
                )  # fmt: skip
        raise AssertionError("unreachable")


def told(answer: list[dict[str, Any]], places: list[int]) -> tuple[list[Refused], list[int]]:
    """What is refused for good, and what has to be sent again without it."""
    refused, again = [], []
    for one in answer:
        place, errors = places[int(one["index"])], one.get("errors") or [{}]
        if all(error.get("reason") == "stopped" for error in errors):
            again.append(place)
        else:
            why = next(error for error in errors if error.get("reason") != "stopped")
            refused.append(
                Refused(place, " ".join(f"{why.get('location', '')} {why.get('message', '')}".split()))
            )
    return refused, sorted(again)


def cut(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    for start in range(0, rows.num_rows, MOST_ROWS):
        for place, piece in pieces(rows.slice(start, MOST_ROWS)):
            yield start + place, piece


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers of many digits are text, and moments name their zone."""
    return {name: value_of(value) for name, value in row.items() if value is not None}


def value_of(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.replace(tzinfo=UTC).isoformat()
    return value if isinstance(value, str | bool) else json.loads(json.dumps(value, default=str))
