-- Rows that count now and did not before, or the other way round: newly arrived ones, and ones that a newly loaded export replaces.
with loaded as (
    select * from {{ source('live', 'ga4_events_raw') }}
),

streamed as (
    select * from {{ source('live', 'events_streaming') }}
),

newly_covered as (
    select * from {{ ref('scope_covered_days') }}
),

arrived as (
    select device_id, transaction_id
    from loaded
    where {{ newly_arrived() }}
    union all
    select device_id, transaction_id
    from streamed
    where {{ newly_arrived() }}
),

replaceable as (
    select stream_id, event_timestamp, device_id, transaction_id
    from loaded
    where source_kind in ('stream', 'export_intraday')
    union all
    select stream_id, event_timestamp, device_id, transaction_id
    from streamed
),

replaced as (
    select replaceable.device_id, replaceable.transaction_id
    from replaceable
    inner join newly_covered
        on newly_covered.stream_id = {{ stream_of('replaceable.stream_id') }}
        and newly_covered.event_date = {{ local_date('replaceable.event_timestamp') }}
),
{%- if ids_may_meet() %}

newly_loaded as (
    select event_id
    from loaded
    where source_kind <> 'stream' and {{ newly_arrived() }}
),

-- streamed rows whose id has now been loaded, too
met as (
    select streamed_rows.device_id, streamed_rows.transaction_id
    from (
        select event_id, device_id, transaction_id
        from loaded
        where source_kind = 'stream'
        union all
        select event_id, device_id, transaction_id
        from streamed
    ) as streamed_rows
    inner join newly_loaded on newly_loaded.event_id = streamed_rows.event_id
),
{%- endif %}

changes as (
    select * from arrived
    union
    select * from replaced
    {%- if ids_may_meet() %}
    union
    select * from met
    {%- endif %}
)

select * from changes
