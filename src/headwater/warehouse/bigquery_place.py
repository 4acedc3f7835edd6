"""The dataset: found where it lies, made where it is missing, and moved aside."""

from collections.abc import Sequence

from google.api_core import exceptions
from google.cloud import bigquery

from headwater.errors import WarehouseError
from headwater.warehouse.bigquery_jobs import patiently


def found_dataset(
    client: bigquery.Client, name: str, location: str, url: str, *, make: bool
) -> bigquery.Dataset:
    found = looked_up(client, name, location, make=make)
    if location and found.location and found.location.lower() != location.lower():
        raise WarehouseError(
            f"The dataset {name} lies in {found.location}, and warehouse.location says {location}: set it to "
            f"{found.location}, or name another dataset in warehouse.url ({url})."
        )
    return found


def looked_up(client: bigquery.Client, name: str, location: str | None, *, make: bool) -> bigquery.Dataset:
    """Looked for first: to ask for one that is there takes a right to make datasets all the same."""
    wanted = bigquery.Dataset(f"{client.project}.{name}")
    wanted.location = location or None
    wanted.labels = {"app": "headwater"}
    for attempt in patiently():
        with attempt:
            try:
                found = client.get_dataset(name, retry=None)
            except exceptions.NotFound:
                if not make:
                    raise
                found = client.create_dataset(wanted, exists_ok=True, retry=None)
    return found


def move_tables(client: bigquery.Client, name: str, aside: str, tables: Sequence[str]) -> str:
    """Copied first, all of them, and only then deleted: copies cost nothing."""
    place = bigquery.Dataset(f"{client.project}.{aside}")
    place.location = client.get_dataset(name).location
    client.create_dataset(place)
    present = {one.table_id for one in client.list_tables(name)} & set(tables)
    labelled = bigquery.CopyJobConfig(labels={"app": "headwater", "part": "rebuild"})
    copies = [
        client.copy_table(f"{name}.{table}", f"{aside}.{table}", job_config=labelled)
        for table in sorted(present)
    ]
    for copy in copies:
        copy.result()
    for table in sorted(present):
        client.delete_table(f"{name}.{table}", not_found_ok=True)
    return f"{client.project}.{aside}"
