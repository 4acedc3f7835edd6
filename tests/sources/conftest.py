"""Reading small files whole."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater.event import DEAD_LETTER_SCHEMA, RAW_SCHEMA
from headwater.sources.read import read_file

NOW = datetime(2026, 6, 1, 12)


@dataclass(frozen=True)
class Found:
    events: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(letter["line"], letter["reason"]) for letter in self.dead_letters]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


@pytest.fixture
def read() -> Callable[..., Found]:
    def read(path: Path, file_format: str = "auto") -> Found:
        batches = list(read_file(path, file_format, origin="here", now=NOW))
        for batch in batches:
            assert batch.events.schema == RAW_SCHEMA
            assert batch.dead_letters.schema == DEAD_LETTER_SCHEMA
        events = pa.concat_tables([RAW_SCHEMA.empty_table(), *(batch.events for batch in batches)])
        letters = [row for batch in batches for row in batch.dead_letters.to_pylist()]
        return Found(events.to_pylist(), sorted(letters, key=lambda letter: letter["line"]))

    return read
