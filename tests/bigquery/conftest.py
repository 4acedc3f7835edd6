"""What is left out on the real service, and a proxy in front of the stand-in for those that want it to fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bigquery.faulty import Proxy, in_front_of

if TYPE_CHECKING:
    from bigquery.standins.emulator import BigQueryServer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.bigquery)
        if config.getoption("--bigquery-url") and (marker := item.get_closest_marker("stand_in_only")):
            item.add_marker(pytest.mark.skip(f"LEFT OUT ON THE REAL SERVICE: {marker.args[0]}"))


@pytest.fixture(scope="module")
def proxy(bigquery_server: "BigQueryServer") -> Iterator[Proxy]:
    """What is opened while it stands talks to the stand-in through it, and is quick to try again."""
    from headwater.warehouse import bigquery_jobs

    with in_front_of(bigquery_server.url) as proxy, pytest.MonkeyPatch.context() as environment:
        environment.setenv("BIGQUERY_EMULATOR_HOST", proxy.url)
        environment.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", bigquery_server.storage)
        environment.setattr(bigquery_jobs, "FIRST_WAIT", 0.05)
        environment.setattr(bigquery_jobs, "PATIENCE", 20.0)
        yield proxy
