"""Fixtures: a journal in a file of its own, and its writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journal.arrivals import MB, same

from headwater.journal.journal import Journal
from headwater.journal.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


@pytest.fixture
def the_writer(path: Path) -> Iterator[Writer]:
    it = Writer(path, 100 * MB, same)
    yield it
    it.close()
