"""Answers come through the Storage Read API where the account may use it, and over REST where it may not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pyarrow as pa
import pytest
from bigquery.standins.emulator import BigQueryServer

from headwater.warehouse.bigquery import BigQueryWarehouse

pytestmark = pytest.mark.stand_in_only("a gate is put between the product and the stand-in")

SESSIONS = "/google.cloud.bigquery.storage.v1.BigQueryRead/CreateReadSession"
ROWS = "/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows"
MANY = "select n, repeat('x', 100) as word from unnest(generate_array(1, 30000)) as n"

Ask = Callable[[BigQueryWarehouse, str], pa.Table]
ASKED: list[Ask] = [
    lambda warehouse, sql: warehouse.query_as_written(sql),
    lambda warehouse, sql: warehouse.query_within(2**30, sql, as_written=True),
]


class Gate(grpc.GenericRpcHandler):
    """In front of the stand-in's Storage API: it hands on what it is asked, or says what Google says."""

    def __init__(self, target: str) -> None:
        self._target = grpc.insecure_channel(target)
        self.is_closed = False
        self.asked: list[str] = []

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        self.asked.append(call.method)
        told = [pair for pair in call.invocation_metadata if pair[0].startswith("x-goog-")]

        def one(request: bytes, context: grpc.ServicerContext) -> Any:
            if self.is_closed:
                context.abort(
                    grpc.StatusCode.PERMISSION_DENIED,
                    "request failed: the user does not have 'bigquery.readsessions.create' permission for "
                    "'projects/local'",
                )
            return self._target.unary_unary(call.method)(request, metadata=told)

        def many(request: bytes, context: grpc.ServicerContext) -> Iterator[Any]:
            yield from self._target.unary_stream(call.method)(request, metadata=told)

        if call.method == ROWS:
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)


@pytest.fixture(scope="module")
def gate(bigquery_server: BigQueryServer) -> Iterator[Gate]:
    gate = Gate(bigquery_server.storage)
    server = grpc.server(ThreadPoolExecutor(8), handlers=[gate])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BIGQUERY_EMULATOR_HOST", bigquery_server.url)
        environment.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", f"127.0.0.1:{port}")
        yield gate
    server.stop(None)


@pytest.fixture(scope="module")
def warehouse(gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryWarehouse]:
    opened = BigQueryWarehouse("bigquery://local/reads", tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.mark.parametrize("ask", ASKED, ids=["whole", "within"])
@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_an_answer_comes_through_whatever_door_there_is(
    warehouse: BigQueryWarehouse, gate: Gate, ask: Ask, is_closed: bool
) -> None:
    gate.is_closed = is_closed
    gate.asked.clear()
    answer = ask(warehouse, MANY)
    assert answer.num_rows == 30_000
    assert sum(answer["n"].to_pylist()) == 30_000 * 30_001 // 2
    assert SESSIONS in gate.asked
    assert (ROWS in gate.asked) is not is_closed
