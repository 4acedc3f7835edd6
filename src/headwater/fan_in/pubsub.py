"""What the writer and the intake of Pub/Sub share: what its errors mean."""

import logging

from headwater.errors import JournalUnavailable

log = logging.getLogger("headwater.pubsub")


def away(name: str, error: BaseException) -> JournalUnavailable:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return JournalUnavailable(f"Pub/Sub does not answer for {name}: {said[0].rstrip('.')}.")
