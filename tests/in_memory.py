"""Folders for servers that tests start: in memory where there is enough, so that no commit waits for a disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 2 * 2**30  # bytes; containers often have 64 MB there


def place() -> str | None:
    """None: wherever temporary files lie on this machine."""
    if not os.access(MEMORY, os.W_OK | os.X_OK) or shutil.disk_usage(MEMORY).free < ENOUGH:
        return None
    return str(MEMORY)


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place(), ignore_cleanup_errors=True) as made:
        yield Path(made)
