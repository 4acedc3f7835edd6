"""A stand-in for Google Pub/Sub, of our own: the few calls that headwater's clients make, from Google's own protos.

One topic with one subscription, in memory. What is delivered and not acknowledged within its deadline is delivered
again. It is not Google's service, and its order, its errors and its quotas are not those of the service. Prints its
address."""

import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, timestamp_pb2
from google.pubsub_v1 import types

Message = types.PubsubMessage.pb()
Received = types.ReceivedMessage.pb()


class Subscription:
    def __init__(self, topic: str, name: str) -> None:
        self.topic, self.name = topic, name
        self.change = threading.Condition()
        self.waiting: deque[Any] = deque()
        self.out: dict[str, tuple[float, Any]] = {}  # by ack id: until when, and the message
        self.numbers = itertools.count(1)

    def publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.topic != self.topic:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={request.topic}).")
        ids = []
        now = timestamp_pb2.Timestamp()
        now.GetCurrentTime()
        with self.change:
            for message in request.messages:
                ids.append(str(next(self.numbers)))
                self.waiting.append(Message(data=message.data, message_id=ids[-1], publish_time=now))
            self.change.notify_all()
        return types.PublishResponse.pb()(message_ids=ids)

    def acknowledge(self, request: Any, _: grpc.ServicerContext) -> Any:
        self.ack(request.ack_ids)
        return empty_pb2.Empty()

    def modify(self, request: Any, _: grpc.ServicerContext) -> Any:
        self.extend(request.ack_ids, itertools.repeat(request.ack_deadline_seconds))
        return empty_pb2.Empty()

    def stream(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        first = next(requests)
        if first.subscription != self.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={first.subscription}).")
        seconds = first.stream_ack_deadline_seconds or 10
        most = first.max_outstanding_messages or 1_000
        threading.Thread(target=self.listen, args=(requests,), daemon=True).start()
        mine: set[str] = set()
        while context.is_active():
            with self.change:
                self.expire()
                mine &= self.out.keys()
                if not self.waiting or len(mine) >= most:
                    self.change.wait(0.2)
                    continue
                received = []
                while self.waiting and len(received) < 500 and len(mine) < most:
                    message = self.waiting.popleft()
                    ack_id = f"{message.message_id}-{next(self.numbers)}"
                    self.out[ack_id] = time.monotonic() + seconds, message
                    mine.add(ack_id)
                    received.append(Received(ack_id=ack_id, message=message))
            yield types.StreamingPullResponse.pb()(received_messages=received)

    def listen(self, requests: Iterator[Any]) -> None:
        try:
            for request in requests:
                self.ack(request.ack_ids)
                self.extend(request.modify_deadline_ack_ids, request.modify_deadline_seconds)
        except grpc.RpcError:
            pass

    def ack(self, ack_ids: Any) -> None:
        with self.change:
            for ack_id in ack_ids:
                self.out.pop(ack_id, None)

    def extend(self, ack_ids: Any, seconds: Any) -> None:
        with self.change:
            for ack_id, more in zip(ack_ids, seconds, strict=False):
                if ack_id in self.out:
                    self.out[ack_id] = time.monotonic() + more, self.out[ack_id][1]
            self.change.notify_all()

    def expire(self) -> None:
        now = time.monotonic()
        for ack_id in [ack_id for ack_id, (until, _) in self.out.items() if until < now]:
            self.waiting.append(self.out.pop(ack_id)[1])


def unary(work: Any, request: Any) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        work, request.pb().FromString, lambda answer: answer.SerializeToString()
    )


def serve(project: str, topic: str, subscription: str) -> None:
    one = Subscription(
        f"projects/{project}/topics/{topic}", f"projects/{project}/subscriptions/{subscription}"
    )
    server = grpc.server(ThreadPoolExecutor(16))
    publisher = {"Publish": unary(one.publish, types.PublishRequest)}
    subscriber = {
        "Acknowledge": unary(one.acknowledge, types.AcknowledgeRequest),
        "ModifyAckDeadline": unary(one.modify, types.ModifyAckDeadlineRequest),
        "StreamingPull": grpc.stream_stream_rpc_method_handler(
            one.stream,
            types.StreamingPullRequest.pb().FromString,
            lambda answer: answer.SerializeToString(),
        ),
    }
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", publisher),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", subscriber),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()  # until whoever started it is gone
    server.stop(0)


if __name__ == "__main__":
    serve(*sys.argv[1:])
