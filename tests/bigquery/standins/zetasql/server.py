"""Google's SQL analyser and reference evaluator as a process, and a call to it."""

import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
from bigquery.standins import process
from google._upb import _message
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "zetasql.local_service.ZetaSqlLocalService"
STARTS_WITHIN_SECONDS = 60
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.NOT_FOUND,
}


_message.SetAllowOversizeProtos(
    True
)  # an expression within thirty others is a message that is deeper than the usual 100


class RejectedError(Exception):
    """What the analyser says against a statement."""


class Server:
    """Messages are made from the descriptors of the package's own protos: no generated code has to match a runtime."""

    def __init__(self, binary: Path, descriptors: Path) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file:
            self._pool.Add(file)  # type: ignore[no-untyped-call]
        self._methods = self._pool.FindServiceByName(SERVICE).methods_by_name
        port = process.free_port()
        self._process = process.start(
            [binary, "localhost", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._channel = grpc.insecure_channel(
            f"localhost:{port}",
            options=[("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)],
        )
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            try:
                grpc.channel_ready_future(self._channel).result(timeout=1)
                return
            except grpc.FutureTimeoutError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise RuntimeError(f"ZetaSQL's server did not start: {binary}") from None

    def message(self, name: str, /, **fields: Any) -> Any:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"zetasql.{name}"))(**fields)

    def enum(self, name: str) -> dict[str, int]:
        return {value.name: value.number for value in self._pool.FindEnumTypeByName(f"zetasql.{name}").values}

    def call(self, method: str, request: Any) -> Any:
        answer = message_factory.GetMessageClass(self._methods[method].output_type)
        ask = self._channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        try:
            return ask(request)
        except grpc.RpcError as error:
            if error.code() in REFUSALS:
                raise RejectedError(error.details()) from None
            raise

    def close(self) -> None:
        self._channel.close()
        process.stop(self._process)
