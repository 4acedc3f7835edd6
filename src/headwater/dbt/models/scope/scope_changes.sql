-- Rows that count now and did not before, or the other way round: newly arrived ones, and ones that a newly loaded export replaces.
with batches as (
    select * from {{ source('build', 'headwater_window') }}
),

loaded as (
    select * from {{ source('live', 'ga4_events_raw') }}
),

streamed as (
    select * from {{ source('live', 'events_streaming') }}
),

coverage as (
    select * from {{ source('live', 'headwater_coverage') }}
),

newly_covered as (
    select distinct
        {{ stream_of('coverage.stream_id') }} as stream_id,
        {{ local_date('coverage.quarter') }} as event_date
    from coverage
    cross join batches
    where coverage.batch_id > batches.from_batch and coverage.batch_id <= batches.to_batch
),

arrived as (
    select loaded.device_id, loaded.transaction_id
    from loaded
    cross join batches
    where loaded.batch_id > batches.from_batch and loaded.batch_id <= batches.to_batch
    union all
    select streamed.device_id, streamed.transaction_id
    from streamed
    cross join batches
    where streamed.batch_id > batches.from_batch and streamed.batch_id <= batches.to_batch
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
    where exists (select 1 from newly_covered)
),
{%- if ids_may_meet() %}

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
    inner join loaded on loaded.event_id = streamed_rows.event_id
    cross join batches
    where loaded.source_kind <> 'stream'
        and loaded.batch_id > batches.from_batch and loaded.batch_id <= batches.to_batch
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
