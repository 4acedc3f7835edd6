"""Where the engine of a home answers: a file beside the warehouse, for whoever may read the home."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from headwater.errors import WarehouseLocked
from headwater.settings import Settings

FILE_NAME = "engine.json"
SCREEN_KEY = "HW_SCREEN_KEY"  # a variable with which a supervisor lets its own dashboard read


class Address(msgspec.Struct, frozen=True):
    pid: int
    url: str
    token: str


@contextmanager
def published(home: Path, url: str) -> Iterator[Address]:
    """The file is locked while the engine runs. A process number would not do: in a container, the next engine has
    the number of the one that was killed."""
    address = Address(os.getpid(), url, secrets.token_urlsafe(32))
    part = home / f"{FILE_NAME}.part"
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(msgspec.json.encode(address))
        file.flush()
        part.replace(home / FILE_NAME)
        try:
            yield address
        finally:
            with contextlib.suppress(OSError):
                (home / FILE_NAME).unlink()


def url_of(settings: Settings) -> str:
    """Where commands of this machine find the engine."""
    host = settings.serve.host
    if host in ("0.0.0.0", "::", "localhost"):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.serve.port}"


def find(home: Path) -> Address | None:
    """Of an engine that runs; what a killed one has left behind is no address."""
    try:
        with (home / FILE_NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return msgspec.json.decode(file.read(), type=Address)
    except (OSError, msgspec.MsgspecError):
        return None
    return None


def refuse_a_second(home: Path) -> None:
    other = find(home)
    if other:
        raise WarehouseLocked(
            f"An engine of this home is running already (process {other.pid}, {other.url}): "
            "one warehouse has one engine."
        )
