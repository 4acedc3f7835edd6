"""What the models' tests said last, written down in the home: a restart forgets nothing of it."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec

FILE_NAME = "tests.json"

_turn = Lock()  # a build's tests and those of what is published may end at the same time


class Failed(msgspec.Struct, frozen=True):
    name: str
    message: str
    is_published: bool  # found in what readers see, and not in what a build would have put in its place


class Tested(msgspec.Struct, frozen=True):
    at: float  # seconds since 1970
    tests: int  # how many have run
    failed: tuple[Failed, ...] = ()


def note(
    home: Path,
    ran: Collection[str],
    failed: Mapping[str, str],
    *,
    of_published: bool = False,
    of_everything: bool = False,
) -> None:
    """A test that has failed before stands until it has run again: over what is published, where it failed there."""
    with _turn:
        known = recall(home)
        standing = [
            one
            for one in (known.failed if known and not of_everything else ())
            if one.name not in failed and (one.name not in ran or (one.is_published and not of_published))
        ]
        found = [Failed(name, message, of_published) for name, message in failed.items()]
        tested = Tested(time.time(), len(ran), (*found, *standing))
        part = home / f"{FILE_NAME}.part"
        with suppress(OSError):  # a full disk says so elsewhere, and the next tests are noted again
            part.write_bytes(msgspec.json.encode(tested))
            part.replace(home / FILE_NAME)


def recall(home: Path) -> Tested | None:
    try:
        return msgspec.json.decode((home / FILE_NAME).read_bytes(), type=Tested)
    except (OSError, msgspec.MsgspecError):
        return None
