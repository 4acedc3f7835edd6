"""Where the engine of a home answers: a file beside the warehouse, for whoever may read the home."""

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

FILE_NAME = "engine.json"


class Address(msgspec.Struct, frozen=True):
    pid: int
    url: str
    token: str


def publish(home: Path, port: int) -> Address:
    address = Address(os.getpid(), f"http://127.0.0.1:{port}", secrets.token_urlsafe(32))
    part = home / f"{FILE_NAME}.part"
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(address))
    part.replace(home / FILE_NAME)
    return address


def find(home: Path) -> Address | None:
    """Of an engine that runs; what a killed one has left behind is no address."""
    try:
        address = msgspec.json.decode((home / FILE_NAME).read_bytes(), type=Address)
        os.kill(address.pid, 0)
    except PermissionError:
        return address
    except (OSError, msgspec.MsgspecError):
        return None
    return address


def withdraw(home: Path) -> None:
    with contextlib.suppress(OSError):
        (home / FILE_NAME).unlink()
