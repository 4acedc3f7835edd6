"""Keys: who may send to which stream, and who may read the API. Only their SHA-256 is kept, in home/keys.json."""

import hmac
import json
import logging
import os
import secrets
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from headwater.errors import SettingsError

FILE_NAME = "keys.json"
EVERY_STREAM = "*"
_LOOK_SECONDS = 0.0005  # from one look at the file to the next: those that come together share one

_log = logging.getLogger(__name__)


class Key(msgspec.Struct, frozen=True):
    name: str
    stream: str
    sha256: str
    created_at: str
    reads: bool = False  # the API, and sends nothing

    def is_for(self, stream_id: str) -> bool:
        return self.stream in (EVERY_STREAM, stream_id)


class _File(msgspec.Struct):
    keys: tuple[Key, ...]


class Keys:
    """The keys of a home to send or to read with, as they stand in the file now: a change needs no restart."""

    def __init__(self, home: Path, *, reads: bool = False) -> None:
        self._reads = reads
        self._path = home / FILE_NAME
        self._place = str(self._path)  # asked for with each request
        self._looks_again_at = 0.0
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()
        self._refresh(is_first=True)

    @property
    def all(self) -> tuple[Key, ...]:
        self._refresh()
        return self._keys

    def find(self, secret: str) -> Key | None:
        """The key of that secret. Every key is compared, in constant time, whichever it is."""
        digest = _digest(secret)
        found = None
        for key in self.all:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found

    def _refresh(self, is_first: bool = False) -> None:
        now = time.monotonic()
        if now < self._looks_again_at:
            return
        self._looks_again_at = now + _LOOK_SECONDS
        try:
            state = os.stat(self._place)
            stamp = (state.st_mtime_ns, state.st_ino, state.st_size)
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = tuple(key for key in _read(self._path) if key.reads == self._reads)
        except (SettingsError, OSError) as error:
            if is_first:
                raise
            _log.error("%s The keys read before still count.", error)


def add_key(home: Path, stream: str, name: str | None, *, reads: bool = False) -> tuple[Key, str]:
    """Makes a key; the secret is told this once."""
    keys = _read(home / FILE_NAME)
    taken = {key.name for key in keys}
    if name in taken:
        raise SettingsError(
            f"There is a key {name!r} already: choose another name, or remove that one first."
        )
    chosen = name or next(free for n in range(1, len(keys) + 2) if (free := f"key-{n}") not in taken)
    secret = "hw_" + secrets.token_urlsafe(32)
    key = Key(chosen, stream, _digest(secret), datetime.now(UTC).isoformat(timespec="seconds"), reads)
    _write(home, (*keys, key))
    return key, secret


def list_keys(home: Path) -> tuple[Key, ...]:
    return _read(home / FILE_NAME)


def remove_key(home: Path, name: str) -> None:
    keys = _read(home / FILE_NAME)
    left = tuple(key for key in keys if key.name != name)
    if len(left) == len(keys):
        names = ", ".join(key.name for key in keys) or "none"
        raise SettingsError(f"There is no key {name!r}; there are: {names}.")
    _write(home, left)


def _digest(secret: str) -> str:
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _read(path: Path) -> tuple[Key, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).keys
    except FileNotFoundError:
        return ()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read as keys ({error}): delete it, and make new keys with `headwater keys add`."
        ) from None


def _write(home: Path, keys: tuple[Key, ...]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    path = home / FILE_NAME
    part = path.with_name(f"{FILE_NAME}.{os.getpid()}.part")
    text = json.dumps({"keys": [msgspec.structs.asdict(key) for key in keys]}, ensure_ascii=False, indent=2)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
