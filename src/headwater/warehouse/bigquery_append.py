"""Settles a staged load in one job: a script whose transaction stores every row once, or nothing.

The statements are those of `append_statements`. They go as one script, because a transaction that waited for its next
statement would stay open when this process dies, and hold up whoever comes next; and because one job id then stands for
the whole of it: a script whose answer was lost is found again, not run again."""

import json
import re
from collections.abc import Iterable, Sequence

import pyarrow as pa
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from headwater.event import RAW_SCHEMA
from headwater.warehouse.append_statements import (
    INCOMING_SCHEMA,
    KEEP_REFUSED,
    find_repeats,
    move_position,
    moved_by_another,
    store,
)
from headwater.warehouse.bigquery_dialect import translated
from headwater.warehouse.bigquery_export import taken
from headwater.warehouse.bigquery_jobs import NOT_VISIBLE_YET, Jobs
from headwater.warehouse.bigquery_schema import STAGING, TURN
from headwater.warehouse.bigquery_script import in_transaction
from headwater.warehouse.bigquery_staging import Staging
from headwater.warehouse.protocol import Appended, EventBatch, ExportedTable, Mark
from headwater.warehouse.schema import JSON_COLUMNS

STAGED_AT_ONCE = 128 * 2**20  # bytes of rows that wait for one load job
MOVED = re.compile(r"headwater: the position is (\d+)")
REFUSED_COLUMNS = "origin, line, reason, detail, original"


class Words:
    NOW = "current_timestamp()"

    def row_as_json(self, columns: Sequence[str]) -> str:
        """Put together as text: JSON columns hold the text that came, and parsing it could lose digits."""
        parts = [
            f"'\"{name}\":' || "
            + (f"coalesce({name}, 'null')" if name in JSON_COLUMNS else f"to_json_string({name})")
            for name in columns
        ]
        return "'{' || " + " || ',' || ".join(parts) + " || '}'"

    def quarter_hour(self, timestamp: str) -> str:
        return f"timestamp_seconds(900 * cast(floor(unix_seconds({timestamp}) / 900) as bigint))"


def stage(staging: Staging, batches: Iterable[EventBatch]) -> None:
    """Several batches go together: there is a quota of load jobs a day."""
    events: list[pa.Table] = []
    letters: list[pa.Table] = []
    for batch in batches:
        events.append(batch.events.select(RAW_SCHEMA.names))
        letters.append(batch.dead_letters)
        if sum(one.nbytes for one in events) > STAGED_AT_ONCE:
            bring(staging, events, letters)
    bring(staging, events, letters)


def bring(staging: Staging, events: list[pa.Table], letters: list[pa.Table]) -> None:
    staging.bring("incoming", events)
    staging.bring("refused", letters)
    events.clear()
    letters.clear()


def settle(
    jobs: Jobs,
    staging: Staging,
    table: str,
    *,
    ids_are_computed: bool,
    mark: Mark | None = None,
    exported: ExportedTable | None = None,
) -> Appended:
    parameters = [bigquery.ScalarQueryParameter("origin", "STRING", staging.origin)]
    try:
        sql = script(staging, table, ids_are_computed, mark, exported)
        job = jobs.run(sql, parameters, staging.load_id)
    except GoogleAPICallError as error:
        moved = MOVED.search(str(error))
        if moved and mark:
            raise moved_by_another(int(moved[1]), mark) from error
        raise
    [[text]] = [tuple(row) for row in job.result(job_retry=None)]
    told = json.loads(text)
    reasons = {one["reason"]: int(one["n"]) for one in told["reasons"]}
    return Appended(
        int(told["accepted"]), int(told["duplicates"]), sum(reasons.values()), dict(sorted(reasons.items()))
    )


def script(
    staging: Staging,
    table: str,
    ids_are_computed: bool,
    mark: Mark | None,
    exported: ExportedTable | None = None,
) -> str:
    """Names of variables begin with _: no column's does."""
    numbers = ("batch_id", "accepted", "duplicates", "repeats", "letters", "letters_before")
    words = Words()
    bounds = staging.moments if ids_are_computed else None
    body = [
        f"update {TURN} set turns = turns + 1 where true",
        *([check_position(mark)] if mark else []),
        *map(translated, find_repeats(bounds, lambda _table, _alias, condition: condition)),
        "set _repeats = (select count(*) from repeats)",
        "set _accepted = (select count(*) from incoming) - _repeats",
        "set _duplicates = (select count(*) from repeats where not is_conflict)",
        "set _batch_id = (select coalesce(max(batch_id), 0) + 1 from headwater_batches)",
        *map(translated, store(table, "_batch_id", words)),
        "set _letters = (select count(*) from refused)",
        "set _letters_before = (select count(*) from dead_letters)",
        translated(KEEP_REFUSED.format(now=words.NOW)),
        f"""if _accepted > 0 or (select count(*) from dead_letters) > _letters_before then
            insert into headwater_batches (
                batch_id, table_name, origin, accepted, duplicates, dead_letters, appended_at,
                first_event_at, last_event_at
            ) select
                _batch_id, '{table}', @origin, _accepted, _duplicates, _letters, current_timestamp(),
                min(event_timestamp), max(event_timestamp)
            from incoming;
        end if""",
    ]
    if mark:
        moves = move_position(mark, words.NOW, "_accepted", "_duplicates", "_letters")
        body += map(translated, moves)
    if exported:
        body += taken(exported, "_accepted", "_duplicates", "_letters")
    body.append(
        """set _told = (select to_json_string(struct(
            _accepted as accepted, _duplicates as duplicates,
            array(select as struct reason, count(*) as n from refused group by reason) as reasons)))"""
    )
    lines = [
        *(f"declare _{name} int64" for name in numbers),
        "declare _told string",
        made("incoming", staging, ", ".join(INCOMING_SCHEMA.names)),
        made("refused", staging, REFUSED_COLUMNS),
        "create temp table origin_of_batch as select @origin as origin",
        *in_transaction(body),
        "select _told",
    ]
    return ";\n".join(lines)


def made(name: str, staging: Staging, columns: str) -> str:
    """The rows of this load, each once, however often a writer had to send it."""
    count = staging.counts[name]
    found = f"""create temp table {name} as select {columns} from {STAGING[name]}
        where staged_at = timestamp '{staging.staged_at}+00' and load_id = '{staging.load_id}'
        qualify row_number() over (partition by position order by position) = 1"""
    if not count:
        return found.replace("qualify", "and false qualify")
    return f"{found};\nassert (select count(*) from {name}) = {count} as '{NOT_VISIBLE_YET}'"


def check_position(mark: Mark) -> str:
    """Two that load from one journal would each take the same rows: the second one is told before it has done any."""
    position = (
        f"coalesce((select position from headwater_positions where journal_id = '{mark.journal_id}'), 0)"
    )
    return f"""if {position} <> {mark.after} then
        raise using message = concat('headwater: the position is ', cast({position} as string));
    end if"""
