"""The engine's side of a Kafka topic: each partition is a journal of its own, whose position the warehouse keeps.

A row's number is its offset + 1, so that a position is the offset that comes next, as Kafka counts. It is the
warehouse's position that is read from; what is committed to Kafka is for others to see."""

import re
import time
from collections import deque
from collections.abc import Sequence
from threading import Lock

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headwater.errors import JournalError, JournalUnavailable
from headwater.fan_in.intake import OfBroker
from headwater.fan_in.kafka import LOOK_SECONDS, away, configuration, error_of, log
from headwater.fan_in.message import row_of
from headwater.journal.journal import READ_BYTES, Row
from headwater.settings.brokers import KafkaTopic

GROUP = "headwater"
_REFRESH_SECONDS = 10.0  # partitions may be added, and the cluster may go away
_AT_ONCE = 5_000
_HELD_BYTES = 2 * READ_BYTES  # of all partitions, read and not yet loaded


class KafkaPart:
    def __init__(self, intake: "KafkaIntake", journal_id: str, partition: int) -> None:
        self.journal_id = journal_id
        self.partition = partition
        self.newest = 0  # the latest known high watermark
        self.rows: deque[Row] = deque()
        self.held_bytes = 0
        self.next: int | None = None  # the offset that comes next to `rows`; None where nothing is being read
        self._floor = 0  # all rows behind it are in `rows`, or not read yet
        self._intake = intake

    def resume_at(self, seq: int) -> None:
        self.note_loaded(seq)  # the next read finds by its number whether it has to begin anew

    def read(self, after: int, limit: int) -> list[Row]:
        if self.next is None or not self._floor <= after <= max(self.next, self._floor):
            self._intake.seek(self, after)
        self._drop(after)
        self._intake.fill()
        rows: list[Row] = []
        left = READ_BYTES
        for row in self.rows:
            rows.append(row)
            left -= len(row.body)
            if len(rows) == limit or left <= 0:
                break
        return rows

    def note_loaded(self, seq: int) -> None:
        self._drop(seq)
        self._intake.commit(self, seq)

    def take(self, message: Message) -> None:
        seq = (message.offset() or 0) + 1
        _, milliseconds = message.timestamp()
        value = message.value()
        row = row_of(value or b"", f"kafka:{self._intake.topic}", seq, max(milliseconds, 0) * 1000)
        self.rows.append(row)
        self.held_bytes += len(row.body)
        self.next = seq
        self.newest = max(self.newest, seq)

    def start(self, position: int, offset: int) -> None:
        """The offset is further on where the broker no longer has what is at the position."""
        self.rows.clear()
        self.held_bytes = 0
        self._floor, self.next = position, offset

    def _drop(self, seq: int) -> None:
        while self.rows and self.rows[0].seq <= seq:
            self.held_bytes -= len(self.rows.popleft().body)
        self._floor = max(self._floor, seq)


class KafkaIntake(OfBroker):
    """The sink's thread reads; others ask only for how much there is."""

    def __init__(self, place: KafkaTopic) -> None:
        self._place = place
        self.topic = place.topic
        self._parts: list[KafkaPart] = []
        self._refreshed = -_REFRESH_SECONDS
        self._cluster: str | None = None
        self._looking = Lock()
        given = configuration(
            place,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="error",  # what is not there is told, never passed over
            fetch_wait_max_ms=100,
            queued_max_messages_kbytes=READ_BYTES // 1024,
            allow_auto_create_topics=False,
        )
        given["group.id"] = place.properties.get("group.id", GROUP)
        try:
            self._consumer = Consumer(given)
        except KafkaException as exception:
            raise JournalError(
                f"Kafka's client does not take collect.journal_url: {error_of(exception).str()}."
            ) from exception

    def parts(self) -> Sequence[KafkaPart]:
        if time.monotonic() > self._refreshed + _REFRESH_SECONDS:
            self._refresh()
        return self._parts

    def journal_ids(self) -> Sequence[str]:
        return [part.journal_id for part in self._parts]

    def last_seq(self) -> int:
        """All that the topic has ever held, to the message; while the cluster is away, as it was last known."""
        with self._looking:
            for part in self._parts:
                try:
                    found = self._consumer.get_watermark_offsets(self._of(part), timeout=1.0, cached=False)
                except (KafkaException, RuntimeError):  # closed meanwhile
                    break
                part.newest = max(part.newest, found[1])
        return sum(part.newest for part in self._parts)

    def received_behind(self, position: int) -> int | None:
        """What is held here is not loaded, whatever the position."""
        firsts = [part.rows[0].received_at for part in self._parts if part.rows]
        return min(firsts, default=None)

    def broker(self) -> dict[str, object]:
        return {
            "kind": "kafka",
            "name": f"{self._place.servers}/{self.topic}",
            "partitions": len(self._parts),
        }

    def close(self) -> None:
        with self._looking:
            self._consumer.close()

    def seek(self, part: KafkaPart, position: int) -> None:
        """Reads this partition from there on, or from where the broker still has it."""
        try:
            low, high = self._consumer.get_watermark_offsets(
                self._of(part), timeout=LOOK_SECONDS, cached=False
            )
        except KafkaException as exception:
            raise away(self._place, error_of(exception)) from exception
        if position > high:
            raise JournalUnavailable(
                f"Partition {part.partition} of Kafka's topic {self.topic} ends at {high:,}, and {position:,} of it "
                "are loaded already: it was made anew or has lost its end; use another topic."
            )
        if position < low:
            log.warning(
                "Kafka no longer has %s of partition %d of %s, from %s on; `headwater status` counts them as lost.",
                f"{low - position:,}",
                part.partition,
                self.topic,
                f"{position:,}",
            )
        part.start(position, max(position, low))
        self._consumer.assign([self._of(one, one.next) for one in self._parts if one.next is not None])

    def fill(self) -> None:
        """Moves what has come to its partition, as much as may be held."""
        while sum(part.held_bytes for part in self._parts) < _HELD_BYTES:
            messages = self._consumer.consume(_AT_ONCE, 0)
            failed = None
            for message in messages:
                part = self._parts[message.partition() or 0]
                error = message.error()
                if error is None:
                    part.take(message)
                elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    part.next = None  # retention has overtaken us: the next read looks where it begins
                else:
                    failed = error
            if failed is not None:  # after the last one: what is dropped here would never come again
                raise away(self._place, failed)
            if len(messages) < _AT_ONCE:
                return

    def commit(self, part: KafkaPart, seq: int) -> None:
        try:
            self._consumer.commit(offsets=[self._of(part, seq)], asynchronous=True)
        except KafkaException as exception:  # it is for others to see; the warehouse knows
            log.info("The position could not be told to Kafka: %s", error_of(exception).str())

    def _refresh(self) -> None:
        try:
            found = self._consumer.list_topics(self.topic, timeout=LOOK_SECONDS)
        except KafkaException as exception:
            raise away(self._place, error_of(exception)) from exception
        about = found.topics[self.topic]
        if about.error is not None or not about.partitions:
            raise away(self._place, about.error or "it has no partitions")
        if self._cluster not in (None, found.cluster_id):
            raise away(self._place, "another cluster answers now; start the engine anew")
        self._cluster = found.cluster_id
        cluster = re.sub(r"[^\w.-]", "_", found.cluster_id or "unnamed")
        for partition in range(len(self._parts), len(about.partitions)):
            journal_id = f"kafka:{cluster}/{self.topic}/{partition}"
            self._parts.append(KafkaPart(self, journal_id, partition))
        self._refreshed = time.monotonic()

    def _of(self, part: KafkaPart, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self.topic, part.partition)
        return TopicPartition(self.topic, part.partition, offset)
