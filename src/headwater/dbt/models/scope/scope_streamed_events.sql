-- The streamed events of the devices in scope, taken out of history once: whatever reads them then is as quick as they are few.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

select
    {{ raw_columns() }}
from {{ source('live', 'events_streaming') }}
where {{ of_days('scope') }}
    and {{ rows_with(source('live', 'events_streaming'), 'device_id', ref('scope_devices')) }}
