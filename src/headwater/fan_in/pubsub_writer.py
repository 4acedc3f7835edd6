"""The door's side of a Pub/Sub topic: an event is kept when the service has given its message an id."""

import time
from functools import partial
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError

from headwater.errors import JournalError
from headwater.fan_in.pubsub import away, log
from headwater.fan_in.writer import ANSWER_SECONDS, BrokerWriter, Settled, TooLarge
from headwater.settings.brokers import PubSubTopic

_AGAIN_SECONDS = 1.0  # after a failure, before the next request may wait for an answer
_PASSING = (
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)


class PubSubWriter(BrokerWriter):
    def __init__(self, place: PubSubTopic) -> None:
        super().__init__()
        self._place = place
        retry = Retry(
            predicate=if_exception_type(*_PASSING), initial=0.1, maximum=1.0, timeout=ANSWER_SECONDS
        )
        try:
            self._client = pubsub_v1.PublisherClient(
                batch_settings=pubsub_v1.types.BatchSettings(
                    max_bytes=1_000_000, max_latency=0.005, max_messages=1_000
                ),
                publisher_options=pubsub_v1.types.PublisherOptions(retry=retry, timeout=ANSWER_SECONDS),
            )
        except GoogleAuthError as error:
            raise JournalError(f"Pub/Sub cannot be entered: {error}") from error
        self._path = self._client.topic_path(place.project, place.topic)

    def close(self, seconds: float) -> None:
        self._closing = True
        self._client.stop()
        until = time.monotonic() + seconds
        while self._queued_bytes and time.monotonic() < until:
            time.sleep(0.02)

    def _publish(self, key: bytes | None, message: bytes, settled: Settled) -> None:
        try:
            future = self._client.publish(self._path, message)
        except MessageTooLargeError:
            settled(TooLarge())
        except Exception as error:
            settled(away(self._place.topic, error))
        else:
            future.add_done_callback(partial(self._published, settled))

    def _published(self, settled: Settled, future: Any) -> None:
        error = future.exception()
        if error is None:
            if self._trouble:
                log.warning("Pub/Sub takes messages again.")
            self._trouble = None
            settled(None)
            return
        problem = away(self._place.topic, error)
        if not self._trouble:
            log.warning("%s The door answers 503 until it does.", problem)
        self._trouble, self._trouble_ends = str(problem), time.monotonic() + _AGAIN_SECONDS
        settled(problem)
