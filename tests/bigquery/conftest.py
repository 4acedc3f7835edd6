"""What is left out on the real service."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.bigquery)
        if config.getoption("--bigquery-url") and (marker := item.get_closest_marker("stand_in_only")):
            item.add_marker(pytest.mark.skip(f"LEFT OUT ON THE REAL SERVICE: {marker.args[0]}"))
