-- Rows that count now and did not before, or the other way round: newly arrived ones, and ones that a newly loaded export replaces.
-- Each look at a raw table stands by itself: an engine that shares one look among several passes over nothing.
with loaded as (
    select
        event_id,
        source_kind,
        device_id,
        transaction_id,
        user_id,
        ga_session_id,
        event_timestamp
    from {{ source('live', 'ga4_events_raw') }}
    where {{ of_days('new') }}
        and {{ newly_arrived() }}
),

streamed as (
    select
        device_id,
        transaction_id,
        user_id,
        ga_session_id,
        event_timestamp
    from {{ source('live', 'events_streaming') }}
    where {{ of_days('new') }}
        and {{ newly_arrived() }}
),

newly_covered as (
    select * from {{ ref('scope_covered_days') }}
),

replaceable as (
    select
        stream_id,
        event_timestamp,
        device_id,
        transaction_id
    from {{ source('live', 'ga4_events_raw') }}
    where {{ of_days('covered') }}
        and source_kind in ('stream', 'export_intraday')
    union all
    select
        stream_id,
        event_timestamp,
        device_id,
        transaction_id
    from {{ source('live', 'events_streaming') }}
    where {{ of_days('covered') }}
),

replaced as (
    select
        replaceable.device_id,
        replaceable.transaction_id,
        cast(null as {{ type_text() }}) as user_id,
        cast(null as {{ type_whole() }}) as ga_session_id,
        replaceable.event_timestamp
    from replaceable
    inner join newly_covered
        on newly_covered.stream_id = {{ stream_of('replaceable.stream_id') }}
        and newly_covered.event_date = {{ local_date('replaceable.event_timestamp') }}
),
{%- if ids_may_meet() %}

-- streamed rows whose id has now been loaded, too
met as (
    select
        streamed_rows.device_id,
        streamed_rows.transaction_id,
        cast(null as {{ type_text() }}) as user_id,
        cast(null as {{ type_whole() }}) as ga_session_id,
        streamed_rows.event_timestamp
    from (
        select event_id, event_timestamp, device_id, transaction_id
        from {{ source('live', 'ga4_events_raw') }}
        where {{ of_any_day() }}
            and source_kind = 'stream'
        union all
        select event_id, event_timestamp, device_id, transaction_id
        from {{ source('live', 'events_streaming') }}
        where {{ of_any_day() }}
    ) as streamed_rows
    inner join loaded
        on loaded.event_id = streamed_rows.event_id
        and loaded.source_kind <> 'stream'
),
{%- endif %}

changed_rows as (
    select
        device_id,
        transaction_id,
        user_id,
        ga_session_id,
        event_timestamp
    from loaded
    union all
    select * from streamed
    union all
    select * from replaced
    {%- if ids_may_meet() %}
    union all
    select * from met
    {%- endif %}
),

changes as (
    select
        device_id,
        transaction_id,
        user_id,
        ga_session_id,
        min(event_timestamp) as first_at
    from changed_rows
    group by device_id, transaction_id, user_id, ga_session_id
)

select * from changes
