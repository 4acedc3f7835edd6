"""What has been loaded from files, written down beside the warehouse: from this it can be made anew."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

FILE_NAME = "loads.ndjson"
RATES = "rates"


class Load(msgspec.Struct, frozen=True):
    path: str
    format: str  # as it was given to `headwater load`, or RATES


def remember(home: Path, path: Path, file_format: str) -> None:
    """On disk when this returns. The same file again is the same line again: its content may have changed."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / FILE_NAME).open("ab") as file:
        file.write(msgspec.json.encode(Load(str(path.absolute()), file_format)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def remembered(home: Path) -> Sequence[Load]:
    """Each once, in the order in which they were first loaded; a line that was torn by a crash is none."""
    try:
        lines = (home / FILE_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found: dict[Load, None] = {}
    for line in lines:
        try:
            found[msgspec.json.decode(line, type=Load)] = None
        except msgspec.MsgspecError:
            continue
    return list(found)
