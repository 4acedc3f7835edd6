"""An arrival as a message of a broker: msgpack, its fields by name, so that versions read each other."""

import msgspec

from headwater.journal.arrival import Arrival
from headwater.journal.journal import Row

FOREIGN = "foreign_message"  # reason of what stands in the topic and is from no collector

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Arrival).decode


def row_of(message: bytes, place: str, seq: int, kept_at: int) -> Row:
    """Never fails: what cannot be read is a refusal with its bytes. `kept_at` is the broker's time."""
    try:
        arrival = _decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        detail = "this message was not written by a collector of headwater"
        return Row(seq, message, place, FOREIGN, detail, None, kept_at, kept_at)
    return Row(
        seq,
        arrival.body,
        arrival.origin,
        arrival.reason,
        arrival.detail,
        arrival.position,
        arrival.received_at,
        max(kept_at, arrival.received_at),  # brokers may cut it to milliseconds
    )
