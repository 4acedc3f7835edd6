"""The SQL that makes a loose table canonical (see `canonical`), written for the columns that the table has.

DuckDB takes long over a long statement, however few the rows: what a column that is not there would need is
left out."""

from datetime import datetime

import pyarrow as pa

from headwater import event
from headwater.event import CLICK_IDS, INTEGER_COLUMNS, RAW_SCHEMA, SOURCE_KINDS, TRAFFIC

NULL = "cast(null as varchar)"
NULL_NUMBER = "cast(null as bigint)"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


MACROS = f"""
create macro whole(x) as
    case when regexp_full_match(x, {quoted(event.INTEGER_PATTERN)})
    then try_cast(split_part(x, '.', 1) as bigint) end;
create macro exact(x) as
    case
        when lower(x) = 'nan' then 0
        when regexp_full_match(x, {quoted(event.NUMBER_PATTERN)}) then try_cast(x as decimal(18, 6))
    end;
create macro in_calendar(x) as
    case when x between {event.EARLIEST_MICROSECONDS} and {event.LATEST_MICROSECONDS}
    then make_timestamp(x) end;
create macro in_years(x) as
    case when x >= timestamp '0001-01-01' and x < timestamp '10000-01-01' then x end;
create macro moment(x) as
    case
        when regexp_full_match(x, {quoted(event.MICROSECONDS_PATTERN)})
            then in_calendar(cast(split_part(x, '.', 1) as bigint))
        when not regexp_full_match(x, {quoted(event.ISO_PATTERN)}) then null
        when regexp_matches(x, '[+-][0-9:]+$')
            then in_years(try_cast(try_cast(x as timestamptz) as timestamp))
        else in_years(try_cast(x as timestamp))
    end;
create macro has_nul(x) as
    contains(x, '\\u0000') and regexp_matches(x, '(^|[^\\\\])(\\\\\\\\)*\\\\u0000');
"""


_PLAIN = ("event_name", "user_pseudo_id", "user_id", "page_location", "page_referrer", "ga4_channel", "items")
_TIDY = ("first_user_source", "first_user_medium", "first_user_campaign")
_TOLD = ("source", "medium", "campaign")


def statement(schema: pa.Schema, source_kind: str, now: datetime) -> str:
    """Four steps: take types, choose the traffic source, look for reasons to refuse, name and hash."""
    at = f"timestamp '{now:%Y-%m-%d %H:%M:%S.%f}'"
    typed = _typed(schema, source_kind, at)
    inputs = {
        f"{place}_{name}": column
        for place, prefix in (("column", ""), ("param", "param_"), ("query", "query_"))
        for name in (*TRAFFIC, *CLICK_IDS)
        if (column := f"{prefix}{name}") in schema.names
    }
    told = _chosen(set(inputs))
    chosen = {name: name for name in typed} | told
    return f"""
        with typed as (select {_listed(typed | inputs)} from loose),
        chosen as (select {_listed(chosen)} from typed),
        judged as (select *, {_refusal(typed | told, at)} as refusal from chosen)
        select {_listed(_result(typed | told))} from judged
    """


def _typed(schema: pa.Schema, source_kind: str, now: str) -> dict[str, str]:
    def given(name: str) -> str:
        return name if name in schema.names else NULL

    def filled(name: str) -> str:
        return f"nullif({name}, '')" if name in schema.names else NULL

    def is_number(name: str) -> bool:
        return name in schema.names and pa.types.is_integer(schema.field(name).type)

    def set_text(name: str) -> str:
        is_nothing = f"lower({name}) in ('', '(not set)')"
        return f"case when {is_nothing} then null else {name} end" if name in schema.names else NULL

    typed = {
        "line": "line" if "line" in schema.names else NULL_NUMBER,
        "malformed": given("malformed"),
        "raw_event_id": filled("event_id"),
        "stream_id": f"coalesce({filled('stream_id')}, 'default')",
        "source_kind": f"coalesce({filled('source_kind')}, {quoted(source_kind)})",
        **{name: filled(name) for name in _PLAIN},
        **{name: given(name) for name in _TIDY},
        "currency": set_text("currency"),
        "transaction_id": set_text("transaction_id"),
        "params": given("params"),
        "export": given("export"),
        "received_at": f"coalesce(moment({filled('received_at')}), {now})"
        if "received_at" in schema.names
        else now,
        "is_engaged": f"coalesce({given('param_session_engaged')} in ('1', 'true'), false)",
        "value": f"case when {filled('value')} is null then 0 else exact(value) end"
        if "value" in schema.names
        else "cast(0 as decimal(18, 6))",
        "raw_value": given("value"),
        "raw_event_timestamp": f"nullif(cast({given('event_timestamp')} as varchar), '')",
        "event_timestamp": f"in_calendar({given('event_timestamp')})"
        if is_number("event_timestamp")
        else f"moment({given('event_timestamp')})",
    }
    for name in INTEGER_COLUMNS:
        if name not in schema.names:
            typed[name] = NULL_NUMBER
        elif is_number(name):
            typed[name] = name
        else:
            typed |= {name: f"whole({name})", f"raw_{name}": filled(name)}
    return typed


def _chosen(inputs: set[str]) -> dict[str, str]:
    """What each event says of its source, from the first place that says anything; click ids; page tags."""
    is_landing = "coalesce(batch_ordering_id, 0) <= 1"
    whens = []
    for place in ("column", "param", "query"):
        told = [f"{place}_{name} is not null" for name in _TOLD if f"{place}_{name}" in inputs]
        if told:
            whens.append(
                (place, f"({' or '.join(told)})" + (f" and {is_landing}" if place == "query" else ""))
            )

    def first_place(name: str) -> str:
        cases = [
            f"when {told} then {place}_{name}" if f"{place}_{name}" in inputs else f"when {told} then null"
            for place, told in whens
        ]
        is_said = any(f"{place}_{name}" in inputs for place, _ in whens)
        return f"case {' '.join(cases)} end" if is_said else NULL

    def click_id(name: str) -> str:
        found = [f"{place}_{name}" for place in ("column", "param") if f"{place}_{name}" in inputs]
        if f"query_{name}" in inputs:
            found.append(f"case when {is_landing} then query_{name} end")
        return f"coalesce({', '.join(found)})" if found else NULL

    tags = [f"query_{name} is not null" for name in (*_TOLD, *CLICK_IDS) if f"query_{name}" in inputs]
    return {
        **{name: first_place(name) for name in TRAFFIC},
        **{name: click_id(name) for name in CLICK_IDS},
        "page_is_tagged": f"({' or '.join(tags)})" if tags else "false",
    }


def _refusal(columns: dict[str, str], now: str) -> str:
    """The first reason against a row, and its detail, in the order of `event.refusal`."""
    kinds = ", ".join(map(quoted, SOURCE_KINDS))
    texts = [
        name
        for name in columns
        if (
            name in _PLAIN or name in _TIDY or name in TRAFFIC or name in CLICK_IDS or name.startswith("raw_")
        )
        or name in ("stream_id", "currency", "transaction_id", "source_kind")
    ]
    said = [name for name in texts if columns[name] != NULL]
    rules = [
        ("malformed is not null", event.MALFORMED_JSON, "malformed"),
        (
            f"contains(concat({', '.join(said)}), chr(0)) or has_nul(params) or has_nul(items) or has_nul(export)",
            event.NUL_CHARACTER,
            "'a text holds the character NUL, which PostgreSQL cannot store'",
        ),
        ("event_name is null", event.MISSING_EVENT_NAME, "'event_name is missing'"),
        ("raw_event_timestamp is null", event.MISSING_TIMESTAMP, "'event_timestamp is missing'"),
        (
            "event_timestamp is null",
            event.INVALID_TIMESTAMP,
            "'event_timestamp is neither ISO 8601 nor whole microseconds: ' || raw_event_timestamp",
        ),
        (
            f"event_timestamp > {now} + interval 10 minutes",
            event.TIMESTAMP_IN_FUTURE,
            "'event_timestamp is more than 10 minutes in the future: ' || raw_event_timestamp",
        ),
        (
            f"source_kind not in ({kinds})",
            event.INVALID_SOURCE_KIND,
            f"'source_kind is none of {', '.join(SOURCE_KINDS)}: ' || source_kind",
        ),
        *(
            (
                f"raw_{name} is not null and {name} is null",
                event.INVALID_NUMBER,
                f"'{name} is not a whole number of 64 bits: ' || raw_{name}",
            )
            for name in INTEGER_COLUMNS
            if f"raw_{name}" in columns
        ),
        ("value is null", event.INVALID_NUMBER, "'value is not a number below 10^12: ' || raw_value"),
        (
            "user_pseudo_id is null and user_id is null and ga_session_id is null",
            event.NO_IDENTITY,
            "'user_pseudo_id, user_id and ga_session_id are all missing'",
        ),
    ]
    cases = " ".join(f"when {condition} then ['{reason}', {detail}]" for condition, reason, detail in rules)
    return f"case {cases} end"


def _result(columns: dict[str, str]) -> dict[str, str]:
    from_elsewhere = ("page_domain", "referrer_host", "referrer_domain", "source_domain", "first_user_domain")
    return {
        **{name: name for name in RAW_SCHEMA.names if name not in from_elsewhere},
        "event_id": f"coalesce(raw_event_id, {_id()})",
        "params": f"""case
            when export is null then params
            when params is null then concat('{{"{event.EXPORT_KEY}":', export, '}}')
            else concat(left(params, -1), ',"{event.EXPORT_KEY}":', export, '}}')
        end""",
        "device_id": "coalesce(user_pseudo_id, 'user:' || user_id, 'session:' || ga_session_id)",
        "payload_hash": f"cast(md5_number_lower({_payload(columns)}) >> 1 as bigint)",
        "reason": "refusal[1]",
        "detail": "refusal[2]",
        "line": "line",
    }


def _id() -> str:
    """`event.event_id`, in SQL."""
    parts = [
        *("stream_id", "coalesce(user_pseudo_id, user_id, cast(ga_session_id as varchar))", "event_name"),
        "cast(epoch_us(event_timestamp) as varchar)",
        *(f"cast({name} as varchar)" for name in ("batch_page_id", "batch_ordering_id", "batch_event_index")),
        *("transaction_id", "params"),
    ]
    measured = (f"coalesce(strlen({part}) || ':' || {part}, '-')" for part in parts)
    return f"sha256(concat({', '.join(measured)}))"


def _payload(columns: dict[str, str]) -> str:
    """`event.payload_hash`, in SQL: concat leaves nulls out; what is always null leaves its separator."""
    said, separators = [], 0
    for name in (*event.PAYLOAD_COLUMNS, "params"):
        if columns[name] not in (NULL, NULL_NUMBER):
            said += [f"repeat(chr(0), {separators})"] if separators else []
            said.append("epoch_us(event_timestamp)" if name == "event_timestamp" else name)
            separators = 0
        separators += 1
    return f"concat({', '.join([*said, f'repeat(chr(0), {separators - 1})'])})"


def _listed(expressions: dict[str, str]) -> str:
    return ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
