"""The engine's side of a Pub/Sub subscription: each message at least once, acknowledged when the warehouse has it.

Messages have no numbers, so a position is only a count of what was loaded. What is delivered again, because an engine
has died between its commit and the acknowledgement, is a duplicate by its id, as anything that is sent twice."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

import msgspec
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1

from headwater.errors import JournalError
from headwater.fan_in.intake import OfBroker
from headwater.fan_in.message import row_of
from headwater.fan_in.pubsub import away
from headwater.journal.journal import READ_BYTES, Row
from headwater.settings.brokers import PubSubTopic

_MOST_HELD = 40_000  # messages that are delivered and not acknowledged
_LEASE_SECONDS = 3_600  # for which the client keeps a message from being delivered again
_AGAIN_SECONDS = 20  # at most, until what an engine held when it was killed is delivered again
_CLOSE_SECONDS = 2.0
_MOST_GIVEN_BACK = 1_000  # in one request


class PubSubIntake(OfBroker):
    def __init__(self, place: PubSubTopic) -> None:
        self._place = place
        self._name = f"{place.project}/{place.subscription}"
        self.journal_id = f"pubsub:{self._name}"
        try:
            self._client = pubsub_v1.SubscriberClient()
        except GoogleAuthError as error:
            raise JournalError(f"Pub/Sub cannot be entered: {error}") from error
        self._path = self._client.subscription_path(place.project, place.subscription)
        self._pull: Any = None
        self._turn = Lock()
        self._held: dict[
            str, tuple[Any, Row]
        ] = {}  # by the message's id: a later delivery replaces the earlier one
        self._handed: list[str] = []  # of the last read, in order
        self._handed_from = 0

    def parts(self) -> Sequence["PubSubIntake"]:
        return (self,)

    def journal_ids(self) -> Sequence[str]:
        return (self.journal_id,)

    def resume_at(self, seq: int) -> None:
        # What was under way may be in the warehouse or not, and another engine may have moved the position meanwhile:
        # nothing is acknowledged for it.
        self._handed = []

    def read(self, after: int, limit: int) -> list[Row]:
        self._keep_pulling()
        with self._turn:
            rows: list[Row] = []
            left = READ_BYTES
            self._handed, self._handed_from = [], after
            for message_id, (_, row) in self._held.items():
                self._handed.append(message_id)
                rows.append(msgspec.structs.replace(row, seq=after + len(self._handed)))
                left -= len(row.body)
                if len(rows) == limit or left <= 0:
                    break
            return rows

    def note_loaded(self, seq: int) -> None:
        count = seq - self._handed_from
        with self._turn:
            done = [self._held.pop(message_id)[0] for message_id in self._handed[:count]]
            self._handed, self._handed_from = self._handed[count:], seq
        for message in done:
            message.ack()

    def last_seq(self) -> None:
        """Only Google's monitoring knows how many a subscription still holds."""
        return None

    def received_behind(self, position: int) -> int | None:
        with self._turn:
            first = next(iter(self._held.values()), None)
        return first[1].received_at if first else None

    def broker(self) -> dict[str, object]:
        return {"kind": "pubsub", "name": self._name}

    def close(self) -> None:
        if self._pull:
            self._pull.cancel()
            with suppress(Exception):
                self._pull.result(timeout=_CLOSE_SECONDS)
            self._give_back()
        self._client.close()

    def _give_back(self) -> None:
        """So that the next engine need not wait for what this one held. Only once its stream has ended: the service
        would deliver them again into a stream that is open, where nobody reads them any more."""
        with self._turn:
            ack_ids = [message.ack_id for message, _ in self._held.values()]
        with suppress(Exception):
            for first in range(0, len(ack_ids), _MOST_GIVEN_BACK):
                self._client.modify_ack_deadline(
                    subscription=self._path,
                    ack_ids=ack_ids[first : first + _MOST_GIVEN_BACK],
                    ack_deadline_seconds=0,
                    timeout=_CLOSE_SECONDS,
                )

    def _keep_pulling(self) -> None:
        if self._pull and self._pull.done():
            ended, self._pull = self._pull, None
            raise away(self._name, ended.exception() or RuntimeError("it has ended the stream"))
        if self._pull is None:
            self._pull = self._client.subscribe(
                self._path,
                callback=self._take,
                flow_control=pubsub_v1.types.FlowControl(
                    max_messages=_MOST_HELD,
                    max_bytes=2 * READ_BYTES,
                    max_lease_duration=_LEASE_SECONDS,
                    max_duration_per_lease_extension=_AGAIN_SECONDS,
                ),
                await_callbacks_on_shutdown=False,
            )

    def _take(self, message: Any) -> None:
        kept_at = int(message.publish_time.timestamp() * 1_000_000)
        row = row_of(message.data, f"pubsub:{self._name}", 0, kept_at)
        with self._turn:
            self._held[message.message_id] = message, row
