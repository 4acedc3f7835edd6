"""`make test-bigquery URL=…`: what of it can be tested without Google's service, which is all but its answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bigquery import service
from bigquery.service import BigQueryService
from bigquery.standins.emulator import BigQueryServer
from google.api_core import exceptions
from google.cloud.bigquery import Client

pytestmark = pytest.mark.stand_in_only("the way to the service is tested on the stand-in")

ROOT = Path(__file__).parents[2]


def run(url: str, *chosen: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIGQUERY_", "GOOGLE_", "PYTEST_"))
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--bigquery-url", url, *chosen]
    return subprocess.run(
        command, env={**plain, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def datasets(server: BigQueryServer) -> set[str]:
    return {one.dataset_id for one in server.client().list_datasets()}


def test_make_hands_the_place_on() -> None:
    command = ["make", "--dry-run", "test-bigquery", "URL=bigquery://shop-1234/headwater"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--bigquery-url 'bigquery://shop-1234/headwater'" in told


@pytest.mark.parametrize(
    ("url", "environment", "sentence"),
    [
        ("shop-1234.headwater", {}, "names no place on BigQuery: say URL=bigquery://PROJECT/DATASET"),
        ("postgresql://shop/headwater", {}, "names no place on BigQuery"),
        (
            "bigquery://shop-1234/headwater",
            {"GOOGLE_APPLICATION_CREDENTIALS": "/nothing/of/this/name.json"},
            "There are no Google credentials for bigquery://shop-1234/headwater: run `gcloud auth",
        ),
        (
            "bigquery://shop-1234/headwater",
            {"BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:1"},
            "BigQuery (bigquery://shop-1234/headwater) does not answer: check the network",
        ),
    ],
    ids=["no URL", "another warehouse", "no credentials", "no answer"],
)
def test_what_cannot_be_reached_is_one_sentence(url: str, environment: dict[str, str], sentence: str) -> None:
    done = run(url, "tests/bigquery", **environment)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("ERROR: ")
    assert sentence in line
    assert done.stdout.strip() == ""


def test_the_suite_runs_there_leaves_out_what_it_must_and_leaves_nothing(
    bigquery_server: BigQueryServer,
) -> None:
    before = datasets(bigquery_server)
    done = run(
        f"bigquery://{bigquery_server.project}/suite",
        *(f"tests/bigquery/test_{name}.py" for name in ("warehouse", "warehouse_faults", "exported")),
        *("-k", "missing_dataset or at_once or insert_all_that_fails or goes_meanwhile"),
        **bigquery_server.environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed, 3 skipped" in done.stdout
    assert "LEFT OUT ON THE REAL SERVICE: faults are put between" in done.stdout
    assert datasets(bigquery_server) == before
    made = [
        job.query for job in bigquery_server.client().list_jobs(max_results=500) if job.job_type == "query"
    ]
    assert any("suite_test_" in sql for sql in made)


def test_a_warehouse_of_any_suite_lies_there(on_bigquery: BigQueryServer) -> None:
    one = BigQueryService(f"bigquery://{on_bigquery.project}/mine")
    other = BigQueryService(f"bigquery://{on_bigquery.project}/mine")
    kept = other.dataset("events")
    for name in (one.dataset("events"), f"{one.dataset('events')}_build", kept, "mine"):
        one.client().create_dataset(name)
    one.close()
    assert {name for name in datasets(on_bigquery) if name.startswith("mine")} == {kept, "mine"}
    other.close()
    assert {name for name in datasets(on_bigquery) if name.startswith("mine")} == {"mine"}
    on_bigquery.client().delete_dataset("mine")


def test_what_could_not_be_deleted_is_told(
    on_bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = BigQueryService(f"bigquery://{on_bigquery.project}/mine")
    name = made.dataset("events")
    made.client().create_dataset(name)

    def refuse(*_: object, **__: object) -> None:
        raise exceptions.Forbidden("Access Denied")

    with monkeypatch.context() as patched:
        patched.setattr(Client, "delete_dataset", refuse)
        with pytest.warns(service.DatasetsAreLeft, match=f"delete them by hand: {name}"):
            made.close()
    on_bigquery.client().delete_dataset(name)
