"""The door's side of a Kafka topic: idempotent, and acknowledged by all replicas that are in sync."""

import threading
import time
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headwater.errors import JournalError, JournalFull
from headwater.fan_in.kafka import away, configuration, error_of, log
from headwater.fan_in.writer import ANSWER_SECONDS, BrokerWriter, Settled, TooLarge
from headwater.settings.brokers import KafkaTopic

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_PURGE_SECONDS = 0.5
_UNFIT = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE)
_NO_TOPIC = (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART)


class KafkaWriter(BrokerWriter):
    def __init__(self, place: KafkaTopic) -> None:
        super().__init__()
        self._place = place
        self._said: str | None = None  # the last that the client said of the cluster
        self._looked_at = 0.0
        self._producer = self._made()
        self._check_topic()
        self._thread = threading.Thread(target=self._run, name="kafka-writer", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        self._closing = True
        until = time.monotonic() + seconds - _PURGE_SECONDS
        self._thread.join(_POLL_SECONDS + _LOOK_SECONDS)
        if self._producer.flush(max(until - time.monotonic(), 0)):
            self._producer.purge()
            self._producer.flush(_PURGE_SECONDS)  # whoever still waits is told

    def _publish(self, key: bytes | None, message: bytes, settled: Settled) -> None:
        delivered = partial(self._delivered, settled)
        try:
            self._producer.produce(self._place.topic, value=message, key=key, on_delivery=delivered)
        except BufferError:
            settled(JournalFull("More arrives than Kafka takes; send again in a moment."))
        except KafkaException as exception:
            delivered(error_of(exception), None)

    def _delivered(self, settled: Settled, error: KafkaError | None, _: Message | None) -> None:
        if error is None:
            self._trouble = self._said = None
            settled(None)
        elif error.code() in _UNFIT:
            settled(TooLarge())
        else:
            problem = away(self._place, self._said or error)
            if error.code() == KafkaError._MSG_TIMED_OUT and not self._trouble:
                self._trouble = str(problem)
                log.warning("%s The door answers 503 until it does.", problem)
            settled(problem)

    def _run(self) -> None:
        while not self._closing:
            self._producer.poll(_POLL_SECONDS)
            if self._trouble and time.monotonic() > self._looked_at + _LOOK_SECONDS:
                self._look()

    def _look(self) -> None:
        """While nobody may send, only a question shows that the cluster is back."""
        try:
            self._producer.list_topics(self._place.topic, timeout=_LOOK_SECONDS)
            log.warning("Kafka at %s answers again.", self._place.servers)
            self._trouble = self._said = None
        except KafkaException:
            pass
        self._looked_at = time.monotonic()

    def _made(self) -> Producer:
        given: dict[str, Any] = configuration(
            self._place,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            message_timeout_ms=int(ANSWER_SECONDS * 1000),
            partitioner="murmur2_random",  # as Kafka's own clients do it
            # more than the queue of ours, so that it is ours that is full
            queue_buffering_max_messages=0,
            queue_buffering_max_kbytes=256 * 1024,
        )
        given["error_cb"] = self._hear
        try:
            return Producer(given)
        except KafkaException as exception:
            raise JournalError(
                f"Kafka's client does not take collect.journal_url: {error_of(exception).str()}."
            ) from exception

    def _hear(self, error: KafkaError) -> None:
        self._said = error.str()
        if error.fatal():
            # an idempotent producer that has lost its order: whatever it holds is told, and a new one takes over
            old, self._producer = self._producer, self._made()
            old.purge()
            threading.Thread(target=old.flush, args=(ANSWER_SECONDS,), daemon=True).start()

    def _check_topic(self) -> None:
        """A topic that is not there is told of at the start; a cluster that is away may come back."""
        try:
            found = self._producer.list_topics(self._place.topic, timeout=_LOOK_SECONDS * 3)
        except KafkaException as exception:
            log.warning("%s", away(self._place, error_of(exception)))
            return
        error = found.topics[self._place.topic].error
        if error is not None and error.code() in _NO_TOPIC:
            raise JournalError(
                f"Kafka at {self._place.servers} has no topic {self._place.topic}: make it, "
                "or correct collect.journal_url."
            )
