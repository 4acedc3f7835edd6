"""A build that is left standing, for tests that look at the models themselves."""

from pathlib import Path

from product import Product

from headwater.transform.project import variables
from headwater.transform.runner import DbtRunner

ORDER = {
    "event_id": "order",
    "event_name": "purchase",
    "user_pseudo_id": "d",
    "event_timestamp": "2026-05-10T12:05:00Z",
    "transaction_id": "t1",
    "value": 10,
}


def standing_build(product: Product, workspace: Path) -> DbtRunner:
    """Leaves every model standing in the build schema, where a build of the product clears it away.

    The models for incremental builds read published tables, so there has to be a full build first."""
    product.load([ORDER])
    product.build(test=False)
    schema = product.warehouse.schema
    output = product.warehouse.dbt_output(f"{schema}_build")
    runner = DbtRunner(workspace, output, variables(product.settings, schema))
    runner.run(["build", "--exclude-resource-type", "unit_test", "test", "exposure"])
    return runner
