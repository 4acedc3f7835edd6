{{ config(materialized='view', meta={'publish': 'view'}) }}

with streamed as (
    {{ rows_that_count(streamed_events()) }}
),

resolved as (
    {{ with_said_source('streamed') }}
)

select
    {{ event_key('counted_stream_id', 'event_id') }} as event_key,
    {{ event_columns() }}
from resolved
