"""A disk that is soon full: memory, mounted as one of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_in(folder: Path, megabytes: int) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("NO FULL DISK TESTED: only root can mount a small disk for it")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"NO FULL DISK TESTED: mount says {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
