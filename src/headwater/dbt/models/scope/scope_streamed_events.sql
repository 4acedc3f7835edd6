-- The streamed events of the devices with a change, from the moment on from which they are looked at again: taken out of history once, whatever
-- reads them then is as quick as they are few.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

select
    {{ raw_columns() }}
from {{ source('live', 'events_streaming') }} as raw
where {{ of_days('touched') }}
    and {{ rows_with(source('live', 'events_streaming'), 'device_id', ref('scope_cuts')) }}
    and exists (
        select 1
        from {{ ref('scope_cuts') }} as cuts
        where cuts.device_id = raw.device_id and raw.event_timestamp >= cuts.since_at
    )
