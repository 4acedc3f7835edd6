"""Writes rows by the Storage Write API: exactly once, since each row has its offset in a stream of our own.

A stream is pending until all rows are in; then it is committed as a whole. An answer that was lost is no harm: the
offset says whether the rows are there already. Rows that BigQuery will not take are named, and the rest goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.rpc import code_pb2

from headwater.warehouse.bigquery_arrow import stored
from headwater.warehouse.bigquery_errors import is_passing
from headwater.warehouse.bigquery_jobs import patiently

MOST_BYTES = 6 * 2**20  # of one request; the service takes 10 MB
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Refused:
    """A row that BigQuery does not take, by its place among those that were to be written."""

    place: int
    why: str


class StorageWriter:
    def __init__(self, storage: Any, project: str, dataset: str) -> None:
        self._storage = storage  # asked for its client only when there is something to write
        self._parent = f"projects/{project}/datasets/{dataset}/tables"

    def write(self, table: str, rows: pa.Table, load_id: str) -> list[Refused]:
        """All rows or, with those that cannot be, all others; load_id is in the rows already."""
        rows = stored(rows)
        wanted = types.WriteStream(type_=types.WriteStream.Type.PENDING)
        stream = ""
        for attempt in patiently():
            with attempt:
                stream = self._storage.writes.create_write_stream(
                    parent=f"{self._parent}/{table}", write_stream=wanted, retry=None
                ).name
        offset, refused = 0, list[Refused]()
        for start, piece in pieces(rows):
            taken = self._append(stream, piece, offset, start, refused)
            offset += taken
        for attempt in patiently():
            with attempt:
                self._storage.writes.finalize_write_stream(name=stream, retry=None)
        self._commit(table, stream)
        return refused

    def _append(self, stream: str, piece: pa.Table, offset: int, start: int, refused: list[Refused]) -> int:
        """How many rows of the piece are in the stream now; the others are in `refused`."""
        if not piece.num_rows:
            return 0
        bad = self._send(stream, piece, offset)
        if not bad:
            return int(piece.num_rows)
        if -1 in bad:  # something is wrong, and it is not said with which row: halves find it
            if piece.num_rows == 1:
                refused.append(Refused(start, bad[-1]))
                return 0
            middle = piece.num_rows // 2
            taken = self._append(stream, piece.slice(0, middle), offset, start, refused)
            return taken + self._append(stream, piece.slice(middle), offset + taken, start + middle, refused)
        refused += [Refused(start + place, why) for place, why in sorted(bad.items())]
        good = [place for place in range(piece.num_rows) if place not in bad]
        rest = piece.take(pa.array(good, pa.int64()))
        late = list[Refused]()
        taken = self._append(stream, rest, offset, 0, late)
        refused += [Refused(start + good[one.place], one.why) for one in late]
        return taken

    def _send(self, stream: str, piece: pa.Table, offset: int) -> dict[int, str]:
        """Sends one request until it is answered; what is wrong with which row, and -1 for: with some row."""
        request = types.AppendRowsRequest(write_stream=stream, offset=offset, arrow_rows=arrow_rows(piece))
        metadata = (("x-goog-request-params", f"write_stream={stream}"),)
        for attempt in patiently(is_passing_append):
            with attempt:
                try:
                    answer = next(iter(self._storage.writes.append_rows(iter([request]), metadata=metadata)))
                except exceptions.AlreadyExists:  # it was in time, and its answer was lost
                    return {}
                except exceptions.InvalidArgument as error:
                    return {-1: " ".join(str(error.message).split())}
                if answer.row_errors:
                    return {one.index: " ".join(one.message.split()) for one in answer.row_errors}
                code = answer.error.code
                if code == code_pb2.ALREADY_EXISTS:
                    return {}
                if code == code_pb2.INVALID_ARGUMENT:
                    return {-1: " ".join(answer.error.message.split())}
                if code:
                    raise exceptions.from_grpc_status(code, answer.error.message)
        return {}

    def _commit(self, table: str, stream: str) -> None:
        request = types.BatchCommitWriteStreamsRequest(
            parent=f"{self._parent}/{table}", write_streams=[stream]
        )
        for attempt in patiently():
            with attempt:
                answer = self._storage.writes.batch_commit_write_streams(request=request, retry=None)
                done = types.StorageError.StorageErrorCode.STREAM_ALREADY_COMMITTED
                errors = [one for one in answer.stream_errors if one.code != done]
                if errors:
                    raise exceptions.Aborted(errors[0].error_message)


def is_passing_append(error: BaseException) -> bool:
    """A connection that ends without an answer is one that was lost."""
    return isinstance(error, StopIteration) or is_passing(error)


def arrow_rows(piece: pa.Table) -> types.AppendRowsRequest.ArrowData:
    [batch] = piece.combine_chunks().to_batches(max_chunksize=piece.num_rows)
    return types.AppendRowsRequest.ArrowData(
        writer_schema=types.ArrowSchema(serialized_schema=piece.schema.serialize().to_pybytes()),
        rows=types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes()),
    )


def pieces(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Cut so that each fits into a request, with the place of its first row."""
    waiting = [(0, rows)]
    while waiting:
        start, piece = waiting.pop()
        if piece.num_rows > 1 and (
            (piece.get_total_buffer_size() and piece.nbytes > MOST_BYTES) or piece.num_rows > MOST_ROWS
        ):
            middle = piece.num_rows // 2
            waiting += [(start + middle, piece.slice(middle)), (start, piece.slice(0, middle))]
        else:
            yield start, piece
