"""Fixtures: collectors that run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collector import Collector


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    """Makes collectors with settings of their own, not started yet."""
    made: list[Collector] = []

    def make(**collect: Any) -> Collector:
        made.append(Collector(tmp_path / f"home{len(made)}", **collect))
        return made[-1]

    yield make
    for one in made:
        one.close()
