"""Google's own analyser as a fixture, and what is left out on the real service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bigquery.standins import places
from bigquery.standins.zetasql import ZetaSql

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.bigquery)
        if config.getoption("--bigquery-url") and (marker := item.get_closest_marker("stand_in_only")):
            item.add_marker(pytest.mark.skip(f"LEFT OUT ON THE REAL SERVICE: {marker.args[0]}"))


@pytest.fixture(scope="session")
def zetasql() -> Iterator[ZetaSql]:
    """Language: Google's analyser and reference evaluator."""
    if reason := places.why_not(places.ANALYSER):
        pytest.skip(reason)
    analyser = ZetaSql(places.ANALYSER_BINARY, places.ANALYSER_DESCRIPTORS)
    yield analyser
    analyser.close()
