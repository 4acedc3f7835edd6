"""What goes wrong on BigQuery is told in one sentence with the next step, and tried again only where that can help."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth

from headwater.errors import (
    BuildError,
    HeadwaterError,
    QueryError,
    TerminalError,
    TransientError,
    UnknownTable,
    WarehouseError,
    WarehouseLocked,
    WarehouseUnavailable,
)
from headwater.warehouse.bigquery_dbt import of_dbt
from headwater.warehouse.bigquery_errors import is_passing, translate

URL = "bigquery://shop-1234/headwater"


def from_service(status: int, message: str, reason: str) -> Exception:
    """As the real service answers, and Google's client makes it an exception."""
    answer = requests.Response()
    answer.status_code = status
    error = {"message": message, "domain": "global", "reason": reason}
    answer._content = json.dumps({"error": {"code": status, "message": message, "errors": [error]}}).encode()
    answer.headers["content-type"] = "application/json"
    answer.request = requests.Request(
        "POST", "https://bigquery.googleapis.com/bigquery/v2/projects/shop-1234/jobs?prettyPrint=false"
    ).prepare()
    found: Exception = exceptions.from_http_response(answer)
    return found


SAID: list[tuple[Exception, type[HeadwaterError], list[str]]] = [
    (
        auth.DefaultCredentialsError("Your default credentials were not found."),
        WarehouseError,
        ["no Google credentials", "gcloud auth application-default login", "GOOGLE_APPLICATION_CREDENTIALS"],
    ),
    (
        auth.RefreshError("invalid_grant: Token has been expired or revoked."),
        WarehouseError,
        ["no longer takes the credentials", "gcloud auth application-default login"],
    ),
    (
        from_service(401, "Request had invalid authentication credentials.", "authError"),
        WarehouseError,
        ["does not take the credentials", "gcloud auth application-default login"],
    ),
    (
        from_service(
            403,
            "Access Denied: Project shop-1234: User does not have bigquery.jobs.create permission in project "
            "shop-1234.",
            "accessDenied",
        ),
        WarehouseError,
        ["BigQuery Job User", "roles/bigquery.jobUser", "--role=", "the project shop-1234"],
    ),
    (
        from_service(
            403,
            "Access Denied: Table shop-1234:headwater.dead_letters: Permission bigquery.tables.updateData denied on "
            "table shop-1234:headwater.dead_letters (or it may not exist).",
            "accessDenied",
        ),
        WarehouseError,
        ["BigQuery Data Editor", "grant \\`roles/bigquery.dataEditor\\` on schema \\`shop-1234.headwater\\` to"],
    ),
    (
        from_service(
            403,
            "Access Denied: Table analytics:analytics_1.events_20260501: User does not have permission to query table "
            "analytics:analytics_1.events_20260501, or perhaps it does not exist.",
            "accessDenied",
        ),
        WarehouseError,
        ["BigQuery Data Viewer", "`roles/bigquery.dataViewer\\` on schema \\`analytics.analytics_1\\` to"],
    ),
    (
        from_service(
            403,
            "Access Denied: Project shop-1234: User does not have bigquery.datasets.create permission in project "
            "shop-1234.",
            "accessDenied",
        ),
        WarehouseError,
        ["bq mk --dataset", "BigQuery Data Editor on it", "BigQuery User on the project"],
    ),
    (
        exceptions.PermissionDenied(
            "request failed: the user does not have 'bigquery.readsessions.create' permission for 'projects/shop-1234'"
        ),
        WarehouseError,
        ["BigQuery Read Session User"],
    ),
    (
        from_service(
            403,
            "BigQuery API has not been used in project shop-1234 before or it is disabled.",
            "accessNotConfigured",
        ),
        WarehouseError,
        ["has not enabled the BigQuery API", "gcloud services enable"],
    ),
    (
        from_service(
            403,
            "Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/. "
            "DML queries are not allowed in the free tier.",
            "billingNotEnabled",
        ),
        WarehouseError,
        ["no billing account", "link one"],
    ),
    (
        from_service(400, "The project shop-1234 has not enabled BigQuery.", "invalid"),
        WarehouseError,
        ["Google has no project shop-1234 with BigQuery", "gcloud projects list"],
    ),
    (
        from_service(404, "Not found: Project shop-1234", "notFound"),
        WarehouseError,
        ["Google has no project shop-1234", "warehouse.url"],
    ),
    (
        from_service(404, "Not found: Dataset shop-1234:headwater", "notFound"),
        WarehouseError,
        ["There is no dataset headwater in the project shop-1234", "BigQuery User on the project"],
    ),
    (
        from_service(404, "Not found: Dataset shop-1234:headwater was not found in location EU", "notFound"),
        WarehouseError,
        ["no dataset shop-1234.headwater in EU", "warehouse.location"],
    ),
    (
        from_service(
            404, "Not found: Table shop-1234:headwater.mart_atribution was not found in location US", "notFound"
        ),
        UnknownTable,
        ["There is no table 'mart_atribution'", "headwater build"],
    ),
    (
        from_service(
            400,
            "Query exceeded limit for bytes billed: 100000000. 2500000000 or higher required.",
            "bytesBilledLimitExceeded",
        ),
        QueryError,
        ["warehouse.max_gb_billed", "at least 2.50", "was not run"],
    ),
    (
        from_service(
            403,
            "Quota exceeded: Your project exceeded quota for concurrent queries. For more information, see "
            "https://cloud.google.com/bigquery/docs/troubleshoot-quotas",
            "quotaExceeded",
        ),
        WarehouseUnavailable,
        ["a quota is used up", "IAM & Admin, Quotas"],
    ),
    (
        from_service(403, "Exceeded rate limits: too many table update operations.", "rateLimitExceeded"),
        WarehouseUnavailable,
        ["quota"],
    ),
    (exceptions.ResourceExhausted("Quota exceeded for AppendRows"), WarehouseUnavailable, ["a quota is used up"]),
    (from_service(503, "Visibility check was unavailable.", "backendError"), WarehouseUnavailable, ["does not answer"]),
    (from_service(429, "Too many requests", "rateLimitExceeded"), WarehouseUnavailable, ["quota"]),
    (requests.exceptions.ConnectionError("Connection refused"), WarehouseUnavailable, ["does not answer"]),
    (
        from_service(
            400,
            "Transaction is aborted due to concurrent update against table shop-1234:headwater.headwater_append_turn. "
            "Transaction ID: 1",
            "invalidQuery",
        ),
        WarehouseLocked,
        ["busy with another headwater"],
    ),
    (
        from_service(
            400,
            "Cannot query over table 'shop-1234.headwater.ga4_events_raw' without a filter over column(s) "
            "'event_timestamp' that can be used for partition elimination",
            "invalidQuery",
        ),
        QueryError,
        ["add a filter", "event_timestamp >="],
    ),
    (
        from_service(400, "Unrecognized name: chanel; Did you mean channel? at [1:8]", "invalidQuery"),
        QueryError,
        ["BigQuery cannot run this SQL: Unrecognized name: chanel", "Correct it and try again"],
    ),
    (from_service(400, "Session abc has expired and is gone.", "invalid"), WarehouseUnavailable, ["session"]),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "told"), SAID)
def test_each_refusal_is_a_sentence_with_the_next_step(
    error: Exception, kind: type[HeadwaterError], told: list[str]
) -> None:
    found = translate(error, URL)
    assert type(found) is kind
    for word in told:
        assert word in str(found)
    assert "https://bigquery.googleapis.com" not in str(found)  # the request's address helps nobody
    assert str(found).count("\n") == 0


def test_only_who_asks_a_question_is_told_to_ask_for_less() -> None:
    error = from_service(400, "Query exceeded limit for bytes billed: 1. 25000000 or higher required.", "x")
    asked, built = str(translate(error, URL, asked=True)), str(translate(error, URL))
    assert asked.endswith(
        "was not run: ask for fewer columns or days, or set warehouse.max_gb_billed to at least 0.03."
    )
    assert built.endswith("was not run: set warehouse.max_gb_billed to at least 0.03.")


@pytest.mark.parametrize(
    ("error", "is_worth_it"),
    [
        (from_service(503, "unavailable", "backendError"), True),
        (from_service(500, "internal", "internalError"), True),
        (from_service(502, "bad gateway", ""), True),
        (from_service(403, "Exceeded rate limits", "rateLimitExceeded"), True),
        (requests.exceptions.ConnectionError("reset"), True),
        (requests.exceptions.ReadTimeout("late"), True),
        (exceptions.ServiceUnavailable("gRPC"), True),
        (exceptions.Aborted("gRPC"), True),
        (from_service(403, "Quota exceeded", "quotaExceeded"), False),  # of a day: not over in a minute
        (from_service(403, "Access Denied", "accessDenied"), False),
        (from_service(404, "Not found: Table a:b.c", "notFound"), False),
        (from_service(400, "Syntax error", "invalidQuery"), False),
        (exceptions.InvalidArgument("gRPC"), False),
        (auth.DefaultCredentialsError("none"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, is_worth_it: bool) -> None:
    assert is_passing(error) is is_worth_it
    kind = TransientError if is_worth_it else TerminalError
    if "Quota" not in str(error):  # over some time later: whoever has more patience may try
        assert isinstance(translate(error, URL), kind)


def by_dbt(words: str) -> str:
    """As dbt-bigquery tells of a model, on one line."""
    return (
        f"Database Error in model int_events (models/intermediate/int_events.sql) {words} compiled code at "
        "/home/me/.headwater/dbt/target-1/run/headwater/models/intermediate/int_events.sql"
    )


POSTED = "POST https://bigquery.googleapis.com/bigquery/v2/projects/shop-1234/jobs?prettyPrint=false"


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        (
            "Query exceeded limit for bytes billed: 100000000000. 250000000000 or higher required.",
            BuildError,
            ["set warehouse.max_gb_billed to at least 250.00"],
        ),
        (
            "Access Denied: Dataset shop-1234:headwater_build: Permission bigquery.tables.create denied on dataset "
            "shop-1234:headwater_build (or it may not exist).",
            WarehouseError,
            ["BigQuery Data Editor", "roles/bigquery.dataEditor"],
        ),
        (
            "Access Denied: Project shop-1234: User does not have bigquery.jobs.create permission in shop-1234.",
            WarehouseError,
            ["BigQuery Job User"],
        ),
        (
            "Billing has not been enabled for this project. DML queries are not allowed in the free tier.",
            WarehouseError,
            ["no billing account"],
        ),
        (f"503 {POSTED}: Visibility check was unavailable.", WarehouseUnavailable, ["does not answer"]),
        (
            f"Timeout of 600.0s exceeded, last exception: 503 {POSTED}: Visibility check was unavailable.",
            WarehouseUnavailable,
            ["does not answer"],
        ),
        (
            "500 An internal error; reason: jobInternalError, message: An internal error Location: EU",
            WarehouseUnavailable,
            ["does not answer"],
        ),
        (
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            WarehouseUnavailable,
            ["does not answer"],
        ),
        (f"429 {POSTED}: Too many requests", WarehouseUnavailable, ["does not answer"]),
        (
            "Exceeded rate limits: too many table update operations.",
            WarehouseUnavailable,
            ["a quota is used up"],
        ),
        (
            "Quota exceeded: Your project exceeded quota for concurrent queries.",
            WarehouseUnavailable,
            ["a quota is used up"],
        ),
        (
            "Unable to generate access token, if you're using impersonate_service_account, make sure … "
            "('invalid_grant: Token has been expired or revoked.', {})",
            WarehouseError,
            ["no longer takes the credentials"],
        ),
        (
            "Could not serialize access to table shop-1234:headwater_build.int_events due to concurrent update",
            WarehouseLocked,
            ["busy with another headwater"],
        ),
        (
            "Not found: Dataset shop-1234:headwater_build was not found in location EU",
            WarehouseError,
            ["warehouse.location"],
        ),
    ],
)
def test_what_dbt_is_refused_is_the_same_sentence(
    words: str, kind: type[HeadwaterError], told: list[str]
) -> None:
    found = of_dbt(by_dbt(words), URL)
    assert type(found) is kind
    for word in told:
        assert word in str(found)
    assert POSTED not in str(found)
    assert "compiled code" not in str(found)


@pytest.mark.parametrize(
    "words",
    [
        "Unrecognized name: chanel; Did you mean channel? at [1:8]",
        "Syntax error: Expected end of input but got 503 at [2:4]",
        "Not found: Table shop-1234:headwater.ga4_events_raw was not found in location EU",
        "Division by zero: 1 / 0",
    ],
)
def test_a_statement_that_is_wrong_stays_the_models_fault(words: str) -> None:
    assert of_dbt(by_dbt(words), URL) is None


def test_without_the_package_there_is_one_sentence(tmp_path: Path) -> None:
    """In a process of its own, in which Google's package cannot be imported."""
    code = f"""
import sys
sys.modules["google.cloud.bigquery"] = None
from pathlib import Path
from headwater.errors import WarehouseError
from headwater.warehouse import connect
try:
    connect("bigquery://p/d", Path({str(tmp_path)!r}))
except WarehouseError as error:
    print(error)
"""
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "BigQuery needs google.cloud.bigquery: install it with `pip install 'headwater[bigquery]'`."
    )


def test_without_credentials_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import google.auth

    from headwater.warehouse import connect

    def none(scopes: list[str]) -> Any:
        raise auth.DefaultCredentialsError("Your default credentials were not found.")

    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(google.auth, "default", none)
    with pytest.raises(WarehouseError, match="There are no Google credentials for bigquery://p/d"):
        connect("bigquery://p/d", tmp_path)
