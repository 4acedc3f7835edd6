"""Services that fail, refuse rows, or lose their answers: every row is stored once, or told of."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bigquery.faulty import LOST, Fault, Proxy
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from raw_events import batch, raw

from headwater.errors import WarehouseLocked, WarehouseUnavailable
from headwater.warehouse import bigquery_jobs
from headwater.warehouse.bigquery import BigQueryWarehouse, Options
from headwater.warehouse.bigquery_writer import Refused, StorageWriter
from headwater.warehouse.protocol import Mark

pytestmark = pytest.mark.stand_in_only("faults are put between the product and the stand-in")

numbers = count(1)
COUNTS = """
    select
        (select count(*) from events_streaming) as events,
        (select count(distinct event_id) from events_streaming) as distinct_events,
        (select count(*) from dead_letters) as letters
"""


@pytest.fixture(scope="module")
def opened(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryWarehouse]:
    warehouse = BigQueryWarehouse("bigquery://local/faults", tmp_path_factory.mktemp("home"))
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(proxy: Proxy, opened: BigQueryWarehouse) -> BigQueryWarehouse:
    proxy.faults.clear()
    proxy.seen.clear()
    opened._options = Options()
    return opened


def mark() -> Mark:
    return Mark(f"journal{next(numbers)}", 0, 9)


def names(*ends: str) -> list[str]:
    start = next(numbers)
    return [f"event {start} {end}" for end in ends]


def stored(warehouse: BigQueryWarehouse, wanted: list[str]) -> list[str]:
    listed = ", ".join(f"'{name}'" for name in wanted)
    found = warehouse.query(f"select event_id from events_streaming where event_id in ({listed})")
    return sorted(found["event_id"].to_pylist())


@pytest.mark.parametrize("after", [False, True])
def test_insert_all_that_fails_is_sent_again_and_lands_once(
    warehouse: BigQueryWarehouse, proxy: Proxy, after: bool
) -> None:
    """Also where the server had taken the rows before it failed: the insertId says which they are."""
    warehouse._options = Options(writer="insert_all")
    proxy.faults.append(Fault("POST /insertAll", status=500, reason="internalError", times=2, after=after))
    wanted = names("a", "b")
    appended = warehouse.append("events_streaming", "journal", [batch(list(map(raw, wanted)))], mark=mark())
    assert (appended.accepted, appended.duplicates, appended.dead_letters) == (2, 0, 0)
    assert stored(warehouse, wanted) == wanted
    sent = proxy.bodies("/insertAll")
    assert len(sent) == 3
    assert len({tuple(row["insertId"] for row in body["rows"]) for body in sent}) == 1


def test_a_row_that_insert_all_refuses_is_a_dead_letter_and_the_rest_goes_on(
    warehouse: BigQueryWarehouse, proxy: Proxy
) -> None:
    warehouse._options = Options(writer="insert_all")
    wrong = {"reason": "invalid", "location": "params", "message": "Field too large"}
    answer = {
        "insertErrors": [
            {"index": 0, "errors": [{"reason": "stopped", "message": ""}]},
            {"index": 1, "errors": [wrong]},
            {"index": 2, "errors": [{"reason": "stopped", "message": ""}]},
        ]
    }
    proxy.faults.append(Fault("POST headwater_incoming/insertAll", status=200, answer=answer))
    wanted = names("a", "b", "c")
    appended = warehouse.append("events_streaming", "journal", [batch(list(map(raw, wanted)))], mark=mark())
    assert (appended.accepted, appended.duplicates, appended.reasons) == (2, 0, {"poison": 1})
    assert stored(warehouse, wanted) == [wanted[0], wanted[2]]
    [letter] = warehouse.query(
        f"select origin, detail, original from dead_letters where original like '%{wanted[1]}%'"
    ).to_pylist()
    assert letter["origin"] == "journal"
    assert letter["detail"] == "params Field too large"
    assert '"event_name": "page_view"' in letter["original"]


def test_a_quota_that_is_used_up_is_told_at_once_and_nothing_is_stored(
    warehouse: BigQueryWarehouse, proxy: Proxy
) -> None:
    warehouse._options = Options(writer="insert_all")
    before = warehouse.query(COUNTS).to_pylist()
    proxy.faults.append(
        Fault("POST /insertAll", 403, "quotaExceeded", "Quota exceeded: tabledata.insertAll bytes per second")
    )
    with pytest.raises(WarehouseUnavailable, match="a quota is used up"):
        warehouse.append("events_streaming", "journal", [batch([raw(*names("a"))])], mark=mark())
    assert len(proxy.bodies("/insertAll")) == 1
    assert warehouse.query(COUNTS).to_pylist() == before


def test_a_rate_limit_is_waited_out(warehouse: BigQueryWarehouse, proxy: Proxy) -> None:
    limit = "Exceeded rate limits: too many api requests per user per method for this user_method."
    proxy.faults.append(Fault("POST /jobs", 403, "rateLimitExceeded", limit, times=3))
    assert warehouse.query("select 1 as one").to_pylist() == [{"one": 1}]
    begun = [body["jobReference"]["jobId"] for body in proxy.bodies("/jobs?") if body]
    assert len(begun) == 4
    assert len(set(begun)) == 1


@pytest.mark.parametrize("status", [503, LOST])
def test_a_job_whose_answer_is_lost_is_found_and_not_run_twice(
    warehouse: BigQueryWarehouse, proxy: Proxy, status: int
) -> None:
    warehouse.execute("create or replace table counted as select 0 as n")
    proxy.seen.clear()
    proxy.faults.append(Fault("POST /jobs", status=status, after=True))
    warehouse.execute("update counted set n = n + 1 where true")
    assert warehouse.query("select n from counted").to_pylist() == [{"n": 1}]
    begun = [body["jobReference"]["jobId"] for body in proxy.bodies("/jobs?") if body]
    assert begun[0] == begun[1]


def test_an_append_whose_answer_is_lost_is_found_and_not_settled_twice(
    warehouse: BigQueryWarehouse, proxy: Proxy
) -> None:
    wanted, at = names("a", "b"), mark()
    proxy.faults.append(Fault("POST /jobs", status=LOST, after=True))
    appended = warehouse.append("events_streaming", "journal", [batch(list(map(raw, wanted)))], mark=at)
    assert (appended.accepted, appended.duplicates) == (2, 0)
    assert stored(warehouse, wanted) == wanted
    found = warehouse.query(
        f"select position, loaded from headwater_positions where journal_id = '{at.journal_id}'"
    )
    assert found.to_pylist() == [{"position": 9, "loaded": 2}]


def test_a_load_job_that_fails_is_begun_again(warehouse: BigQueryWarehouse, proxy: Proxy) -> None:
    proxy.faults.append(Fault("POST /upload/", status=503, times=1))
    wanted = names("a")
    appended = warehouse.append("events_streaming", "a file", [batch(list(map(raw, wanted)))])
    assert appended.accepted == 1
    assert stored(warehouse, wanted) == wanted


def test_what_cannot_succeed_is_not_tried_again(warehouse: BigQueryWarehouse, proxy: Proxy) -> None:
    with pytest.raises(Exception, match="cannot run this SQL"):
        warehouse.query("select nothing_of_this_name from headwater_batches")
    assert len(proxy.bodies("/jobs?")) == 1


def test_a_position_that_another_has_moved_is_told(warehouse: BigQueryWarehouse) -> None:
    at = mark()
    warehouse.append("events_streaming", "journal", [batch([raw(*names("a"))])], mark=at)
    before = warehouse.query(COUNTS).to_pylist()
    with pytest.raises(WarehouseLocked, match="has loaded this journal up to event 9"):
        warehouse.append("events_streaming", "journal", [batch([raw(*names("b"))])], mark=at)
    assert warehouse.query(COUNTS).to_pylist() == before


class Losing:
    """Google's client for the Storage Write API, whose answers get lost, and which refuses what it is told to."""

    def __init__(self, client: Any, lost: int = 0, bad: str = "", says_which: bool = True) -> None:
        self._client, self._lost, self._bad, self._says_which = client, lost, bad, says_which
        self.offsets: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def append_rows(self, requests: Iterator[types.AppendRowsRequest], **options: Any) -> Iterator[Any]:
        [request] = list(requests)
        self.offsets.append(request.offset)
        if self._bad and self._bad in " ".join(event_ids(request)):
            if not self._says_which:
                raise exceptions.InvalidArgument("Malformed Arrow record batch")
            answer = types.AppendRowsResponse()
            answer.error.code = 3
            answer.error.message = "Errors found while processing rows."
            error = types.RowError(
                index=1, code=types.RowError.RowErrorCode.FIELDS_ERROR, message="Field too large"
            )
            answer.row_errors.append(error)
            self._bad = ""
            return iter([answer])
        answers = list(self._client.append_rows(iter([request]), **options))
        if self._lost:
            self._lost -= 1
            raise exceptions.ServiceUnavailable("the connection was lost")
        return iter(answers)


def event_ids(request: types.AppendRowsRequest) -> list[str]:
    """Of the rows that the request brings: its buffers may hold more."""
    schema = pa.ipc.read_schema(pa.py_buffer(request.arrow_rows.writer_schema.serialized_schema))
    rows = pa.ipc.read_record_batch(pa.py_buffer(request.arrow_rows.rows.serialized_record_batch), schema)
    return list(rows["event_id"].to_pylist())


class Storage:
    def __init__(self, writes: Losing) -> None:
        self.writes = writes


def staged(warehouse: BigQueryWarehouse, wanted: list[str]) -> Any:
    from headwater.warehouse.bigquery_staging import Staging

    staging = Staging("test", warehouse._jobs, None, is_stream=True)  # type: ignore[arg-type]
    rows = staging._marked("incoming", batch(list(map(raw, wanted))).events, 0)
    return rows, staging.load_id


def landed(warehouse: BigQueryWarehouse, load_id: str) -> list[str]:
    found = warehouse.query(
        f"select event_id from headwater_incoming where load_id = '{load_id}' order by position"
    )
    return list(found["event_id"].to_pylist())


def test_an_offset_that_is_sent_again_is_no_second_row(warehouse: BigQueryWarehouse) -> None:
    """The server has the rows, and the answer is lost: the same offset again is ALREADY_EXISTS."""
    wanted = names("a", "b", "c")
    rows, load_id = staged(warehouse, wanted)
    client = Losing(warehouse._doors.storage.writes, lost=1)
    assert StorageWriter(Storage(client), "local", "faults").write("headwater_incoming", rows, load_id) == []
    assert client.offsets == [0, 0]  # the second answer says that they are there
    assert landed(warehouse, load_id) == wanted


@pytest.mark.parametrize("says_which", [True, False])
def test_a_row_that_storage_write_refuses_is_named_and_the_rest_goes_on(
    warehouse: BigQueryWarehouse, says_which: bool
) -> None:
    wanted = names("a", "b bad", "c", "d")
    rows, load_id = staged(warehouse, wanted)
    client = Losing(warehouse._doors.storage.writes, bad="b bad", says_which=says_which)
    [refused] = StorageWriter(Storage(client), "local", "faults").write("headwater_incoming", rows, load_id)
    assert refused.place == 1
    assert refused == Refused(1, "Field too large" if says_which else "Malformed Arrow record batch")
    assert landed(warehouse, load_id) == [wanted[0], *wanted[2:]]


def test_rows_that_are_not_visible_yet_are_waited_for(warehouse: BigQueryWarehouse, tmp_path: Path) -> None:
    """The first look finds fewer than were written."""
    wanted = names("a")
    run, looks = bigquery_jobs.Jobs._begun, []

    def begun(self: Any, sql: str, parameters: Any, job_id: str) -> Any:
        if "create temp table incoming" in sql:
            looks.append(job_id)
            if len(looks) == 1:
                sql = sql.replace("load_id = '", "load_id = 'not yet ")
        return run(self, sql, parameters, job_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bigquery_jobs.Jobs, "_begun", begun)
        appended = warehouse.append(
            "events_streaming", "journal", [batch(list(map(raw, wanted)))], mark=mark()
        )
    assert appended.accepted == 1
    assert len(looks) == 2
    assert len(set(looks)) == 2
