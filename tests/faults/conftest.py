"""Fixtures: the live product on homes of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.live import Live


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes homes that nothing runs on yet; `home` names another place for one."""
    made: list[Live] = []

    def make(url: str = "duckdb:///warehouse.duckdb", home: Path | None = None, **dotted: Any) -> Live:
        made.append(Live(home or tmp_path / f"live{len(made)}", url, **dotted))
        return made[-1]

    yield make
    for one in made:
        one.close()
