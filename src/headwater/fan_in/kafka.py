"""What the writer and the intake of Apache Kafka share: how a cluster is reached, and what its errors mean."""

import logging
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from headwater.errors import JournalUnavailable
from headwater.settings.brokers import KafkaTopic

LOOK_SECONDS = 5.0  # that a question about the cluster may take

log = logging.getLogger("headwater.kafka")


def configuration(place: KafkaTopic, **own: Any) -> dict[str, Any]:
    given = {name: value for name, value in place.properties.items() if name != "group.id"}
    return {
        "client.id": "headwater",
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # what matters comes back as an error as well, and is told in our words
        **given,
        "bootstrap.servers": place.servers,
        **{name.replace("_", "."): value for name, value in own.items()},
    }


def away(place: KafkaTopic, error: KafkaError | str) -> JournalUnavailable:
    said = error if isinstance(error, str) else error.str()
    return JournalUnavailable(
        f"Kafka at {place.servers} does not answer for the topic {place.topic}: {said}."
    )


def error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error
