-- The loaded events of the devices in scope, taken out of history once: whatever reads them then is as quick as they are few.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

select
    {{ raw_columns() }}
from {{ source('live', 'ga4_events_raw') }}
where {{ of_days('scope') }}
    and {{ rows_with(source('live', 'ga4_events_raw'), 'device_id', ref('scope_devices')) }}
