"""A GA4 export's tables on BigQuery: which have changed since they were taken in, and one of them as staged rows."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery

from headwater.errors import SourceError, WarehouseError
from headwater.event import RAW_SCHEMA
from headwater.warehouse.bigquery_errors import VIEWER, said
from headwater.warehouse.bigquery_jobs import Jobs, patiently
from headwater.warehouse.bigquery_schema import EXPORTS, STAGING
from headwater.warehouse.bigquery_script import in_transaction
from headwater.warehouse.bigquery_staging import Staging
from headwater.warehouse.protocol import ExportedTable

TABLES = r"^events_(intraday_)?[0-9]{8}$"
INTRADAY = "events_intraday_"
DENIED = re.compile(r"bigquery\.(tables|datasets)\.|does not have permission to query")
NEEDED = {
    "event_date": "STRING",
    "event_name": "STRING",
    "event_timestamp": "INTEGER",
    "event_params": "RECORD",
    **{
        f"event_params.{path}": kind
        for path, kind in {
            "key": "STRING",
            "value.string_value": "STRING",
            "value.int_value": "INTEGER",
            "value.float_value": "FLOAT",
            "value.double_value": "FLOAT",
        }.items()
    },
}


def changed_tables(jobs: Jobs, export: str, url: str) -> list[ExportedTable]:
    """A table counts as changed by when BigQuery says that it was last modified."""
    return [table for table, taken in listed(jobs, export, url) if table.modified != taken]


def all_tables(jobs: Jobs, export: str, url: str) -> list[ExportedTable]:
    return [table for table, _ in listed(jobs, export, url)]


def listed(jobs: Jobs, export: str, url: str) -> list[tuple[ExportedTable, int | None]]:
    """In the order of their days, each with when what is taken in of it was last modified."""
    try:
        check_location(jobs, export, url)
        found = [dict(row) for row in jobs.run(listing(export)).result(job_retry=None)]
    except exceptions.NotFound as error:
        raise WarehouseError(
            f"There is no dataset {export}: check warehouse.export; GA4 names it analytics_ and the property's number. "
            f"({said(error)})"
        ) from error
    except exceptions.Forbidden as error:
        if not DENIED.search(str(error)):
            raise
        raise WarehouseError(
            f"The account may not read the export {export}: give it the role {VIEWER} there (`grant "
            f"\\`roles/bigquery.dataViewer\\` on schema \\`{export}\\` to 'user:YOU'`), or check warehouse.export. "
            f"({said(error)})"
        ) from error
    if not found:
        raise WarehouseError(
            f"{export} is no GA4 export: it holds no table events_YYYYMMDD or events_intraday_YYYYMMDD; let "
            "warehouse.export name the dataset that the property is linked to. A new link brings its first day within "
            "24 hours."
        )
    days = {row["table_id"][-8:] for row in found if not row["table_id"].startswith(INTRADAY)}
    tables = [
        (
            ExportedTable(
                f"{export}.{row['table_id']}",
                "export_intraday" if row["table_id"].startswith(INTRADAY) else "export_daily",
                int(row["last_modified_time"]),
            ),
            row["taken"],
        )
        for row in sorted(found, key=lambda row: str(row["table_id"])[-8:])
    ]
    # a day that has come stands for its own intraday table, whose rows would not count beside it
    return [one for one in tables if one[0].kind == "export_daily" or one[0].name[-8:] not in days]


def listing(export: str) -> str:
    """With the time in it, so that no answer comes out of BigQuery's cache."""
    return f"""
        select
            tables.table_id, tables.last_modified_time, unix_millis(taken.modified_at) as taken,
            current_timestamp() as looked_at
        from `{export}.__TABLES__` as tables
        left join {EXPORTS} as taken on taken.table_name = concat('{export}.', tables.table_id)
        where tables.type = 1 and regexp_contains(tables.table_id, r'{TABLES}')"""


def check_location(jobs: Jobs, export: str, url: str) -> None:
    for attempt in patiently():
        with attempt:
            found = jobs.client.get_dataset(export, retry=None)
    if found.location and jobs.location and found.location.lower() != jobs.location.lower():
        raise WarehouseError(
            f"The export {export} lies in {found.location} and {url} in {jobs.location}: a query reads datasets of one "
            f'location, so set warehouse.location = "{found.location}" and let warehouse.url name a dataset that is '
            "not there yet, which is made there."
        )


def fields(jobs: Jobs, table: str) -> list[dict[str, Any]] | None:
    """The table's columns as BigQuery describes them; None where it has gone, as intraday tables do."""
    for attempt in patiently():
        with attempt:
            try:
                described = jobs.client.get_table(table, retry=None)
            except exceptions.NotFound:
                return None
    found = [field.to_api_repr() for field in described.schema]
    kinds = dict(paths(found))
    missing = [name for name in NEEDED if name not in kinds]
    if missing:
        raise SourceError(
            f"{table} is no table of a GA4 export: it has no {missing[0]}; keep other tables out of that dataset, or "
            "name them otherwise than events_ and a day."
        )
    for name, kind in NEEDED.items():
        if kinds[name] != kind:
            raise SourceError(
                f"{table} is no table of a GA4 export: its {name} is {kinds[name]} and not {kind}; keep other tables "
                "out of that dataset, or name them otherwise than events_ and a day."
            )
    return found


def paths(found: Sequence[dict[str, Any]], before: str = "") -> list[tuple[str, str]]:
    return [
        pair
        for field in found
        for pair in (
            (before + field["name"], field["type"]),
            *paths(field.get("fields", ()), f"{before}{field['name']}."),
        )
    ]


def days(table: str) -> str:
    """How many events of each half hour the export counts to which day."""
    return f"""
        select timestamp_seconds(1800 * div(event_timestamp, 1800000000)) as moment, event_date, count(*) as events
        from `{table}` where event_timestamp is not null and event_date is not null group by moment, event_date"""


def bring(staging: Staging, sql: str) -> None:
    """The rows of the select, with those that can be no event beside them: all of them, or none."""
    marks = {
        "load_id": f"'{staging.load_id}'",
        "staged_at": f"timestamp '{staging.staged_at}+00'",
    }
    rows = ", ".join(RAW_SCHEMA.names)
    refused = "reason, detail, original"
    script = [
        "declare _told string",
        f"create temp table exported as {sql}",
        *in_transaction(
            [
                f"insert into {STAGING['incoming']} ({rows}, position, {', '.join(marks)}) "
                f"select {rows}, {POSITION}, {', '.join(marks.values())} from exported where reason is null",
                f"insert into {STAGING['refused']} (origin, {refused}, position, {', '.join(marks)}) "
                f"select @origin, {refused}, row_number() over (order by reason, original) - 1, "
                f"{', '.join(marks.values())} from exported where reason is not null",
            ]
        ),
        """set _told = (select to_json_string(struct(
            countif(reason is null) as incoming, countif(reason is not null) as refused,
            unix_micros(min(if(reason is null, event_timestamp, null))) as first,
            unix_micros(max(if(reason is null, event_timestamp, null))) as last)) from exported)""",
        "select _told",
    ]
    parameters = [bigquery.ScalarQueryParameter("origin", "STRING", staging.origin)]
    job = staging.jobs.run(";\n".join(script), parameters, f"{staging.load_id}_staged")
    [[text]] = [tuple(row) for row in job.result(job_retry=None)]
    told = json.loads(text)
    staging.counts = {name: int(told[name]) for name in STAGING}
    if told["first"] is not None:
        staging.moments = moment(told["first"]), moment(told["last"])


# Numbered within 256 heaps, so that no one worker has to sort a whole day; equal ids lie in one of them, in one order.
POSITION = """
    512 * row_number() over (
        partition by substr(event_id, 1, 2) order by event_id, stream_id, value, currency, items, payload_hash, params
    ) + 16 * strpos('0123456789abcdef', substr(event_id, 1, 1)) + strpos('0123456789abcdef', substr(event_id, 2, 1))"""


def moment(microseconds: int | str) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(microseconds))


def taken(table: ExportedTable, accepted: str, duplicates: str, dead_letters: str) -> list[str]:
    """Written down in the transaction that adds the rows."""
    return [
        f"delete from {EXPORTS} where table_name = '{table.name}'",
        f"insert into {EXPORTS} (table_name, modified_at, accepted, duplicates, dead_letters, taken_at) values "
        f"('{table.name}', timestamp_millis({table.modified}), {accepted}, {duplicates}, {dead_letters}, "
        "current_timestamp())",
    ]
