"""How much one sender may send: bytes of a request, before and after unpacking, and requests a second."""

import fcntl
import mmap
import tempfile
import time
import zlib
from collections.abc import Callable

import zstandard
from litestar.types import Receive

from headwater.collect.answers import Refused

_PIECE = 256 * 1024
_ZSTD_WINDOW = 8 * 1024 * 1024
_ZSTD_PIECE = 128  # bytes that unpack to some 5 MB at the very most
_BUCKETS = 1024


async def body_of(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The request's body, unpacked; refused as soon as it is known to be too long."""
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    unpack = _UNPACK.get(encoding)
    if unpack is None:
        raise Refused("unsupported_encoding", "Send the body as gzip, zstd or unpacked.", closes=True)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    raw = await _raw(receive, limit)
    return unpack(raw, limit)


async def _raw(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("malformed", "The request broke off; send it again.")
        piece: bytes = message["body"]
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return piece if not pieces else b"".join([*pieces, piece])
        pieces.append(piece)


def _too_large(limit: int) -> Refused:
    return Refused(
        "too_large",
        f"A request may be {limit // 1024**2} MB, also unpacked (collect.max_body_mb); send fewer events at a time.",
        closes=True,
    )


def _as_it_is(raw: bytes, limit: int) -> bytes:
    return raw


def _gunzip(raw: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        while raw:  # a gzip body may have several members
            unpacker = zlib.decompressobj(wbits=31)
            while raw and not unpacker.eof:
                piece = unpacker.decompress(raw, _PIECE)
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                pieces.append(piece)
                raw = unpacker.unconsumed_tail
            if not unpacker.eof:
                raise zlib.error("it breaks off")
            raw = unpacker.unused_data
    except zlib.error as error:
        raise Refused("malformed", f"The body is not whole gzip ({error}).") from None
    return b"".join(pieces)


def _unzstd(raw: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = memoryview(raw)
    try:
        while rest:
            frame = unpacker.decompressobj()
            while rest and not frame.eof:
                piece = frame.decompress(rest[:_ZSTD_PIECE])
                rest = rest[_ZSTD_PIECE:]
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                pieces.append(piece)
            if not frame.eof:
                raise zstandard.ZstdError("it breaks off")
            if frame.unused_data:
                rest = memoryview(frame.unused_data + bytes(rest))
    except zstandard.ZstdError as error:
        if "memory" in str(error):
            raise _too_large(limit) from None
        raise Refused("malformed", f"The body is not whole zstd ({error}).") from None
    return b"".join(pieces)


_UNPACK: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"": _as_it_is,
    b"identity": _as_it_is,
    b"gzip": _gunzip,
    b"x-gzip": _gunzip,
    b"zstd": _unzstd,
}


class Rates:
    """A bucket of tokens for each sender, `per_second` deep, in memory that all workers share."""

    def __init__(self, per_second: int, workers: int) -> None:
        self._per_second = float(per_second)
        self._is_shared = workers > 1
        memory = mmap.mmap(-1, _BUCKETS * 2 * 8)
        self._buckets = memoryview(memory).cast("d")  # of each: tokens, and when they were counted
        self._turn = tempfile.TemporaryFile()  # noqa: SIM115  (its lock is gone with whoever holds it)

    def take(self, sender: str) -> None:
        """One token; a request that finds none is refused, and takes none."""
        place = zlib.crc32(sender.encode(errors="replace")) % _BUCKETS * 2
        if self._is_shared:
            fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            has_one = self._take_from(place)
        finally:
            if self._is_shared:
                fcntl.lockf(self._turn, fcntl.LOCK_UN)
        if not has_one:
            raise Refused(
                "rate_limited",
                f"More than {self._per_second:.0f} requests a second (collect.rate_limit); send more slowly.",
            )

    def _take_from(self, place: int) -> bool:
        tokens, then = self._buckets[place], self._buckets[place + 1]
        now = time.monotonic()
        tokens = min(self._per_second, tokens + (now - then) * self._per_second)
        has_one = tokens >= 1
        self._buckets[place] = tokens - has_one
        self._buckets[place + 1] = now
        return has_one
