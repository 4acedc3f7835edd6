{{ config(materialized='view', meta={'publish': 'view'}) }}

with loaded as (
    {{ rows_that_count(loaded_events()) }}
),

resolved as (
    {{ with_said_source('loaded') }}
),

events as (
    select
        {{ event_key('counted_stream_id', 'event_id') }} as event_key,
        {{ event_columns() }}
    from resolved
    union all
    select * from {{ ref('stg_streamed_events') }}
)

select * from events
