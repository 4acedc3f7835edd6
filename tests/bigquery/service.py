"""Google's own service in place of the stand-in: in datasets of this run alone, which are deleted at its end."""

import os
import uuid
import warnings
from contextlib import suppress
from itertools import count

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from headwater.settings.checks import warehouse_url
from headwater.warehouse.bigquery_doors import STAND_IN, Doors, is_stand_in
from headwater.warehouse.bigquery_errors import translate


class DatasetsAreLeft(UserWarning):
    """Said at the end of a run, in its summary."""


class BigQueryService:
    """Of the stand-in's shape. Where BIGQUERY_EMULATOR_HOST is set, all of it goes there, as with Google's clients."""

    is_real = True

    def __init__(self, url: str) -> None:
        self.project, dataset = parts(url)
        self.prefix = f"{dataset}_test_{uuid.uuid4().hex[:8]}"
        self._doors = Doors(self.project)
        self._numbers = count(1)

    def dataset(self, name: str) -> str:
        return f"{self.prefix}_{name}"

    def url_of(self, name: str) -> str:
        return f"bigquery://{self.project}/{self.dataset(name)}"

    def url_of_an_empty_one(self) -> str:
        """A new one each time: nothing can be streamed for a while into a table that is made anew under its name."""
        return self.url_of(f"t{next(self._numbers)}")

    def client(self) -> bigquery.Client:
        return self._doors.another().jobs

    @property
    def dbt_method(self) -> dict[str, str]:
        if is_stand_in():
            return {"method": "oauth-secrets", "token": "dummy", "api_endpoint": os.environ[STAND_IN]}
        return {"method": "oauth"}

    @property
    def environment(self) -> dict[str, str]:
        """As it is."""
        return {}

    def close(self) -> None:
        """Everything under the prefix, whoever made it; what stays is told, for somebody pays for it."""
        for name in self.left():
            with suppress(exceptions.GoogleAPIError):
                self._doors.jobs.delete_dataset(name, delete_contents=True, not_found_ok=True)
        if left := self.left():
            warnings.warn(
                f"DATASETS ARE LEFT in {self.project}, delete them by hand: {', '.join(left)}",
                DatasetsAreLeft,
                stacklevel=1,
            )
        self._doors.close()

    def left(self) -> list[str]:
        found = (one.dataset_id for one in self._doors.jobs.list_datasets())
        return [name for name in found if name.startswith(f"{self.prefix}_")]


def parts(url: str) -> tuple[str, str]:
    try:
        warehouse_url(url)
        project, dataset = url.removeprefix("bigquery://").split("/")
    except ValueError:
        raise pytest.UsageError(
            f"{url} names no place on BigQuery: say URL=bigquery://PROJECT/DATASET; the tests make datasets of their "
            "own whose names begin with DATASET."
        ) from None
    return project, dataset


def check(url: str) -> None:
    """One look, before any test: whether it can be reached, with these credentials."""
    project, _ = parts(url)
    try:
        doors = Doors(project)
        next(iter(doors.jobs.list_datasets(max_results=1, retry=None, timeout=60)), None)
    except Exception as error:
        raise pytest.UsageError(str(translate(error, url))) from None
    doors.close()
