"""Fixtures of the two stand-ins for BigQuery; where one is missing, the tests that ask for it are skipped."""

from collections.abc import Iterator

import pytest
from bigquery.standins import emulator, places
from bigquery.standins.emulator import BigQueryServer
from bigquery.standins.zetasql import ZetaSql


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer]:
    """Protocol and execution: local-bigquery."""
    if reason := places.why_not(places.EMULATOR):
        pytest.skip(reason)
    server = emulator.start(places.EMULATOR_PYTHON, tmp_path_factory.mktemp("bigquery") / "data")
    yield server
    server.close()


@pytest.fixture(scope="session")
def zetasql() -> Iterator[ZetaSql]:
    """Language: Google's analyser and reference evaluator."""
    if reason := places.why_not(places.ANALYSER):
        pytest.skip(reason)
    analyser = ZetaSql(places.ANALYSER_BINARY, places.ANALYSER_DESCRIPTORS)
    yield analyser
    analyser.close()
