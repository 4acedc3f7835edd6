"""The OpenAPI document is true: requests made from it are answered as it says."""

import pytest
import schemathesis
from collector import Collector
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

OPERATIONS = (
    *(("/mp/collect", "POST"), ("/debug/mp/collect", "POST"), ("/g/collect", "GET"), ("/g/collect", "POST")),
    *(("/v1/events", "POST"), ("/health", "GET"), ("/metrics", "GET")),
)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_doors_do_as_they_say(door: Collector, path: str, method: str) -> None:
    schema = schemathesis.openapi.from_url(f"{door.url}/schema/openapi.json")

    @settings(
        max_examples=60,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(schema[path][method].as_strategy())
    def answered(case: schemathesis.Case) -> None:
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
        case.call_and_validate(checks=checks, timeout=10)

    answered()


def test_all_doors_are_described(door: Collector) -> None:
    document = door.http.get("/schema/openapi.json").json()
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == set(OPERATIONS)
    for path, method in OPERATIONS:
        assert door.http.request(method, path).status_code not in (404, 405)
