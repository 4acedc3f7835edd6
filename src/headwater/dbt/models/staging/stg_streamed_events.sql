{{ config(materialized='view', meta={'publish': 'view'}) }}
-- depends_on: {{ ref('scope_devices') }}

with streamed as (
    {{ rows_that_count(source('live', 'events_streaming'), device_in_scope()) }}
),

resolved as (
    {{ with_said_source('streamed') }}
)

select
    {{ event_key('counted_stream_id', 'event_id') }} as event_key,
    {{ event_columns() }}
from resolved
