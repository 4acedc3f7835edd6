"""What BigQuery refuses a build: dbt keeps only its words, and the sentence is the same as of our own statements."""

from collections.abc import Iterator

import pytest
from bigquery.faulty import Fault, Proxy, query_of

from headwater.errors import BuildError, HeadwaterError, WarehouseError, WarehouseUnavailable
from headwater.settings import Settings
from headwater.transform.build import Builder
from headwater.warehouse.bigquery import BigQueryWarehouse

pytestmark = pytest.mark.stand_in_only("faults are put between the product and the stand-in")


@pytest.fixture(scope="module")
def warehouse(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryWarehouse]:
    opened = BigQueryWarehouse("bigquery://local/refused", tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


def test_a_build_asks_for_no_dataset_that_is_there(warehouse: BigQueryWarehouse, proxy: Proxy) -> None:
    """That would take a right to make datasets, which an account has no need of where they were made by hand."""
    warehouse._client.create_dataset("refused_build", exists_ok=True)
    proxy.faults.clear()
    proxy.seen.clear()
    Builder(Settings(home=warehouse._home), warehouse)._open_window(0, 0)
    sent = [query_of(body) for _, _, body in proxy.seen]
    assert any("headwater_window" in sql for sql in sent)
    assert not any("schema" in sql.lower() for sql in sent)
    assert [
        path
        for method, path, _ in proxy.seen
        if method == "POST" and path.split("?")[0].endswith("/datasets")
    ] == []
    warehouse._client.delete_dataset("refused_build", delete_contents=True)
    Builder(Settings(home=warehouse._home), warehouse)._open_window(0, 0)
    assert warehouse.relations("refused_build") == {"headwater_window": "table"}


def over_limit(needed: str) -> str:
    return f"Query exceeded limit for bytes billed: 100000000000. {needed} or higher required."


DENIED = (
    "Access Denied: Dataset local:refused_build: Permission bigquery.tables.create denied on dataset "
    "local:refused_build (or it may not exist)."
)
AT_FAULT = (
    "The model int_kept_events could not be built, and the tables of the last good build are still in place"
)


@pytest.mark.parametrize(
    ("status", "reason", "message", "kind", "said"),
    [
        (400, "bytesBilledLimitExceeded", over_limit("250000000000"), BuildError, "max_gb_billed to at least 250.00."),
        (403, "accessDenied", DENIED, WarehouseError, "give it the role BigQuery Data Editor"),
        (500, "", "An internal error occurred.", WarehouseUnavailable, "(bigquery://local/refused) does not answer"),
        (400, "invalidQuery", "Unrecognized name: chanel at [1:8]", BuildError, f"{AT_FAULT}: Database Error in model"),
    ],
)  # fmt: skip
def test_a_build_that_is_refused_says_what_to_do_next(
    warehouse: BigQueryWarehouse,
    proxy: Proxy,
    status: int,
    reason: str,
    message: str,
    kind: type[HeadwaterError],
    said: str,
) -> None:
    """By one model, as a build has dbt make it. An error without a reason is not tried again, so it comes at once."""
    builder = Builder(Settings(home=warehouse._home), warehouse)
    proxy.faults[:] = [Fault("POST /jobs", status, reason, message, times=9, of="int_kept_events")]
    with pytest.raises(HeadwaterError) as caught:
        builder._dbt().run(["run", "--no-write-json", "--full-refresh", "--select", "int_kept_events"])
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert AT_FAULT in str(caught.value)
    assert "http://" not in str(caught.value)
