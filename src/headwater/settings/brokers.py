"""What `collect.journal_url` names: a topic of Apache Kafka or of Google Pub/Sub in place of the local journal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

# Of librdkafka's properties those that say how to reach and to enter a cluster. What headwater's promises rest on
# (acks, idempotence, commits) is not for a URL to change.
_PROPERTIES = re.compile(
    r"(security|sasl|ssl|enable\.ssl|client|socket|broker)\.[a-z0-9._]+|group\.id|message\.max\.bytes|compression\.type"
)
_SERVER = r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}"
_KAFKA = re.compile(rf"({_SERVER}(?:,{_SERVER})*)/([a-zA-Z0-9._-]{{1,249}})")
_PUBSUB = re.compile(r"([a-z][a-z0-9.:-]{4,99})/([A-Za-z][\w.~+%-]{2,254})")
_SUBSCRIPTION = re.compile(r"[A-Za-z][\w.~+%-]{2,254}")


@dataclass(frozen=True)
class KafkaTopic:
    servers: str
    topic: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class PubSubTopic:
    project: str
    topic: str
    subscription: str


def broker_of(url: str) -> KafkaTopic | PubSubTopic | None:
    """None for the local journal. A ValueError carries the reason, or nothing where the form alone is wrong."""
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if scheme == "kafka" and (found := _KAFKA.fullmatch(place)):
        for name in given:
            if not _PROPERTIES.fullmatch(name):
                raise ValueError(f"{name} is no property of a Kafka client that may stand there")
        return KafkaTopic(found[1], found[2], given)
    if scheme == "pubsub" and (found := _PUBSUB.fullmatch(place)):
        subscription = given.pop("subscription", f"{found[2]}-headwater")
        if given:
            raise ValueError(f"{next(iter(given))} is not known there; subscription is")
        if not _SUBSCRIPTION.fullmatch(subscription):
            raise ValueError(f"{subscription!r} is no name of a subscription")
        return PubSubTopic(found[1], found[2], subscription)
    raise ValueError("")
