"""Sees when a GA4 export's days are not the days of the reporting time zone.

The export cuts its days at midnight of the property's time zone. Reports by another zone's days would
quietly differ from what GA4 shows, so a load says it."""

from functools import cached_property

import duckdb
import pyarrow as pa

from headwater.event import EXPORT_KEY
from headwater.sources.canonical import open_connection

SAMPLE = 5_000  # rows of a batch: a wrong zone moves some in a hundred, not some in ten thousand
TOLERATED = 0.01
WIDEST_OFFSETS = (-12 * 60, 14 * 60)  # minutes

_SQL = f"""
    select event_timestamp as moment, strptime(day, '%Y%m%d')::date as day
    from (
        select
            event_timestamp,
            json_extract_string(params, '$.{EXPORT_KEY}.event_date') as day
        from sample
    )
    where regexp_full_match(day, '[0-9]{{8}}') and try_strptime(day, '%Y%m%d') is not null
"""


class ExportDays:
    def __init__(self, timezone: str) -> None:
        self.timezone = timezone

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Opened when it is needed: most files are no exports."""
        connection = open_connection()
        connection.execute("create table seen (moment timestamp, day date)")
        return connection

    def see(self, events: pa.Table) -> None:
        stride = max(events.num_rows // SAMPLE, 1)
        places = pa.array(range(0, events.num_rows, stride), pa.int64())
        self._connection.register("sample", events.select(["event_timestamp", "params"]).take(places))
        self._connection.execute(f"insert into seen {_SQL}")
        self._connection.unregister("sample")

    def warning(self) -> str | None:
        """What to tell the user, if more rows than a stray few lie on another day."""
        if "_connection" not in self.__dict__:
            return None
        count, strays = self._one(
            "select count(*),"
            " count(*) filter (where timezone(?, timezone('UTC', moment))::date <> day) from seen",
            [self.timezone],
        )
        if strays <= count * TOLERATED:
            return None
        low, high = WIDEST_OFFSETS
        (offset,) = self._one(
            "select arg_min(minutes, (strays, abs(minutes))) from ("
            " select minutes, count(*) filter (where (moment + to_minutes(minutes))::date <> day) as strays"
            f" from seen, (select unnest(range({low}, {high} + 1, 30)) as minutes) group by minutes)"
        )
        return (
            f"the export's days are not in timezone {self.timezone} ({strays / count:.0%} of its events"
            f" fall on another one), they fit {_utc(offset)}: set timezone in headwater.toml to the"
            f" property's time zone{_example(offset)}."
        )

    def _one(self, sql: str, parameters: list[str] | None = None) -> tuple[int, ...]:
        return tuple(self._connection.execute(sql, parameters or []).fetchall()[0])


def _utc(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _example(minutes: int) -> str:
    """A zone of whole hours has a fixed name, whose sign is the other way round."""
    if minutes % 60:
        return ""
    return f', or to this fixed offset: timezone = "Etc/GMT{-minutes // 60:+d}"'
