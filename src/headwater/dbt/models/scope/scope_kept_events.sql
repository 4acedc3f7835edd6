-- What is kept of the past of the devices in scope, before the moment from which their events are looked at again.
with cuts as (
    select * from {{ ref('scope_cuts') }}
),

kept as (
    select * from {{ source('live', 'published_kept_events') }}
    where {{ rows_with(source('live', 'published_kept_events'), 'device_id', ref('scope_devices')) }}
)

select kept.*
from kept
left join cuts on cuts.device_id = kept.device_id
where cuts.device_id is null or kept.event_timestamp < cuts.since_at
