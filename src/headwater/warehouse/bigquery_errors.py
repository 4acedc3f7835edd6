"""What BigQuery refuses, as one of our errors: one sentence, and the next step."""

import re
from typing import Literal

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth

from headwater.errors import (
    HeadwaterError,
    QueryError,
    UnknownTable,
    WarehouseError,
    WarehouseLocked,
    WarehouseUnavailable,
)

# What the service itself calls passing, of a request or of a job; a job that failed so has done nothing.
PASSING = frozenset(
    {"backendError", "internalError", "jobBackendError", "jobInternalError", "rateLimitExceeded",
     "jobRateLimitExceeded", "tableUnavailable"}
)  # fmt: skip

EDITOR, VIEWER, JOBS = "BigQuery Data Editor", "BigQuery Data Viewer", "BigQuery Job User"
ROLES = {  # the least role that has a permission, by its beginning: the first that fits
    "bigquery.jobs.": ("roles/bigquery.jobUser", JOBS),
    "bigquery.readsessions.": ("roles/bigquery.readSessionUser", "BigQuery Read Session User"),
    "bigquery.tables.getData": ("roles/bigquery.dataViewer", VIEWER),
    "bigquery.tables.get": ("roles/bigquery.dataViewer", VIEWER),
    "bigquery.tables.list": ("roles/bigquery.dataViewer", VIEWER),
    "bigquery.datasets.get": ("roles/bigquery.dataViewer", VIEWER),
    "bigquery.": ("roles/bigquery.dataEditor", EDITOR),
    "serviceusage.services.use": ("roles/serviceusage.serviceUsageConsumer", "Service Usage Consumer"),
}

Kind = Literal[
    "no credentials", "credentials of old", "wrong credentials",
    "too many bytes", "over quota", "passing", "refused", "missing", "",
]  # fmt: skip

OF_PROJECTS = (  # given on the project; any other on the dataset alone
    "roles/bigquery.jobUser", "roles/bigquery.readSessionUser", "roles/serviceusage.serviceUsageConsumer",
)  # fmt: skip

LOGIN = "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name a key file"
# a transaction that the service has ended by itself is gone when our script wants to roll it back
CONFLICT = re.compile(
    r"due to concurrent update|Could not serialize access|no transaction is active|no active transaction|"
    r"Failed to commit DuckLake"
)
OVER_QUOTA = re.compile(r"[Qq]uota exceeded|Exceeded rate limits")
NO_SESSION = re.compile(r"session (id|with id)|Session .*(not found|expired|terminated|does not exist)", re.I)


def translate(error: Exception, url: str, *, asked: bool = False) -> HeadwaterError:
    """Google's error as one of ours; `asked` where somebody could ask for less."""
    if isinstance(error, HeadwaterError):
        return error
    text = said(error)
    return told(kind_of(error), text, url, asked=asked)


def kind_of(error: Exception) -> Kind:
    """What its class and its reason say, which the words alone may not."""
    reason = reason_of(error)
    if isinstance(error, auth.DefaultCredentialsError):
        return "no credentials"
    if isinstance(error, auth.RefreshError) and not error.retryable:
        return "credentials of old"
    if isinstance(error, exceptions.Unauthorized):
        return "wrong credentials"
    if "bytesBilledLimitExceeded" in reason:
        return "too many bytes"
    if is_over_quota(error, reason):
        return "over quota"
    if is_passing(error):
        return "passing"
    if isinstance(error, exceptions.Forbidden):
        return "refused"
    return "missing" if isinstance(error, exceptions.NotFound) else ""


def told(kind: Kind, text: str, url: str, *, asked: bool = False) -> HeadwaterError:
    """The sentence, by what is known of the error and by its words."""
    place = f"BigQuery ({url})"
    if kind == "no credentials":
        return WarehouseError(f"There are no Google credentials for {url}: {LOGIN}.")
    if kind == "credentials of old":
        return WarehouseError(f"Google no longer takes the credentials for {url}: {LOGIN}.")
    if kind == "wrong credentials":
        return WarehouseError(f"Google does not take the credentials for {url}: {LOGIN}.")
    if CONFLICT.search(text):
        return WarehouseLocked(
            f"{place} is busy with another headwater that writes the same tables: try again when it is done."
        )
    if NO_SESSION.search(text):
        return WarehouseUnavailable(f"{place} has ended the session: try again, in a new one. ({text})")
    if kind == "too many bytes" or is_over_limit(text):
        return QueryError(too_many_bytes(text, asked=asked))
    if kind == "over quota" or OVER_QUOTA.search(text):
        return WarehouseUnavailable(
            f"{place} says that a quota is used up: try again later, or ask for a higher one in the console under "
            f"IAM & Admin, Quotas. ({text})"
        )
    if kind == "passing":
        return WarehouseUnavailable(
            f"{place} does not answer: check the network and status.cloud.google.com, and try again. ({text})"
        )
    if kind == "refused":
        return refused(text, url)
    if kind == "missing" or "Not found: " in text:
        return missing(text, url)
    if "has not enabled BigQuery" in text or "ProjectId" in text or "project id" in text.lower():
        return wrong_project(text, url)
    if "without a filter over column" in text:
        return QueryError(
            "The raw tables are read by days, so that nobody pays for all of history by mistake: add a filter such as "
            f"`where event_timestamp >= timestamp '2026-05-01'`. ({text})"
        )
    if "location" in text.lower() and ("does not support" in text or "not in location" in text):
        return wrong_location(text, url)
    return QueryError(f"BigQuery cannot run this SQL: {text.rstrip('.')}. Correct it and try again.")


def said(error: Exception) -> str:
    return in_words(str(getattr(error, "message", "") or error)) or type(error).__name__


def in_words(text: str) -> str:
    """Its own words: without the address of the request and the place of the job."""
    text = re.sub(r"^(Timeout of [\d.]+s exceeded, last exception: )?(\d{3} )?", "", text)
    text = re.sub(r"^(GET|POST|PUT|PATCH|DELETE) https?://\S+: ", "", text)
    text = re.split(r"\s+Location: |; reason: ", text)[0]
    return " ".join(text.split())


def reason_of(error: Exception) -> str:
    reasons = [
        str(one.get("reason", "")) for one in getattr(error, "errors", None) or () if isinstance(one, dict)
    ]
    return " ".join(filter(None, reasons))


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    passing = (
        exceptions.ServerError, exceptions.TooManyRequests, exceptions.RetryError, exceptions.Aborted,
        requests.exceptions.ConnectionError, requests.exceptions.Timeout, requests.exceptions.ChunkedEncodingError,
        auth.TransportError, ConnectionError, TimeoutError,
    )  # fmt: skip
    if isinstance(error, auth.RefreshError):
        return bool(error.retryable)
    if isinstance(error, exceptions.MethodNotImplemented):
        return False
    return isinstance(error, passing) or (
        isinstance(error, Exception) and bool(PASSING & set(reason_of(error).split()))
    )


def is_over_quota(error: Exception, reason: str) -> bool:
    return (
        isinstance(error, exceptions.ResourceExhausted)
        or "quotaExceeded" in reason
        or "rateLimitExceeded" in reason
    )


def is_over_limit(text: str) -> bool:
    return "limit for bytes billed" in text


def too_many_bytes(text: str, *, asked: bool = False) -> str:
    needed = re.search(r"(\d+) or higher required", text)
    gigabytes = f"at least {int(needed[1]) / 1e9:,.2f}" if needed else "more"
    return (
        "The query would read more than warehouse.max_gb_billed lets it, and was not run: "
        f"{'ask for fewer columns or days, or ' if asked else ''}set warehouse.max_gb_billed to {gigabytes}."
    )


def refused(text: str, url: str) -> WarehouseError:
    project, dataset = url.removeprefix("bigquery://").split("/")[:2]
    if "has not been used in project" in text or "it is disabled" in text or "accessNotConfigured" in text:
        return WarehouseError(
            f"The project {project} has not enabled the BigQuery API: run `gcloud services enable "
            f"bigquery.googleapis.com bigquerystorage.googleapis.com --project {project}`, wait a minute and try again."
        )
    if "illing" in text and ("not been enabled" in text or "not allowed in the free tier" in text):
        return WarehouseError(
            f"The project {project} has no billing account, and without one BigQuery writes nothing (its sandbox only "
            f"reads): link one in the console under Billing, and try again. ({text})"
        )
    found = re.search(r"\b(?:bigquery|serviceusage)\.\w+\.\w+", text)
    permission = (
        found[0]
        if found
        else "bigquery.tables.getData"
        if "does not have permission to query" in text
        else ""
    )
    role, name = next((ROLES[start] for start in ROLES if permission.startswith(start)), ROLES["bigquery."])
    if permission == "bigquery.datasets.create":
        return WarehouseError(
            f"The account may not make datasets in the project {project}: make the one that is missing by hand (`bq mk "
            f"--dataset {project}:NAME`) and give the account the role {EDITOR} on it, or give it the role BigQuery "
            f"User on the project. ({text})"
        )
    if role in OF_PROJECTS:
        where, grant = (
            f"the project {project}",
            (
                f"gcloud projects add-iam-policy-binding {project} --member=serviceAccount:ACCOUNT --role={role}"
            ),
        )
    else:
        found = re.search(r"\b(?:Table|Dataset) ([\w-]+)[:.](\w+)", text)
        place = f"{found[1]}.{found[2]}" if found else f"{project}.{dataset}"
        where = f"the dataset {place}"
        grant = (
            f'bq query --use_legacy_sql=false "grant \\`{role}\\` on schema \\`{place}\\` to '
            "'serviceAccount:ACCOUNT'\""
        )
    return WarehouseError(
        f"The account may not do this on {where}: give it the role {name} there ({grant}; a person is user:YOU), or "
        f"check the project and the dataset {dataset} in warehouse.url. ({text})"
    )


def missing(text: str, url: str) -> HeadwaterError:
    project, dataset = url.removeprefix("bigquery://").split("/")[:2]
    located = re.search(r"Dataset (\S+?) was not found in location (\S+)", text)
    if located:
        return WarehouseError(
            f"There is no dataset {located[1].replace(':', '.')} in {located[2].rstrip('.')}: a query reads "
            "datasets of one location, so set warehouse.location to that of the dataset, and keep the exports in "
            f"the same. ({text})"
        )
    table = re.search(r"Table (?:[\w.-]+[:.])?(?:\w+\.)?(\w+)(?: was not found|$|\.)", text)
    if table:
        return UnknownTable(table[1])
    if "Dataset" in text:
        return WarehouseError(
            f"There is no dataset {dataset} in the project {project}: check warehouse.url; `headwater load` makes it "
            f"where the account has the role BigQuery User on the project. ({text})"
        )
    if "Project" in text or "project" in text:
        return wrong_project(text, url)
    return WarehouseError(f"BigQuery does not find what {url} needs: check warehouse.url. ({text})")


def wrong_project(text: str, url: str) -> WarehouseError:
    project = url.removeprefix("bigquery://").split("/")[0]
    return WarehouseError(
        f"Google has no project {project} with BigQuery, or does not show it to this account: check warehouse.url; "
        f"`gcloud projects list` names those there are. ({text})"
    )


def wrong_location(text: str, url: str) -> WarehouseError:
    return WarehouseError(
        f"The dataset of {url} lies elsewhere than warehouse.location says: set it to the dataset's own, or leave it "
        f"empty. ({text})"
    )
