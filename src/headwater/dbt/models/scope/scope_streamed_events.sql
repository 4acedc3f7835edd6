-- The streamed events of the devices in scope, taken out of history once: whatever reads them then is as quick as they are few.
select
    {{ raw_columns() }}
from {{ source('live', 'events_streaming') }}
where {{ rows_with(source('live', 'events_streaming'), 'device_id', ref('scope_devices')) }}
