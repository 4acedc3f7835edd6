-- The loaded events of the devices in scope, taken out of history once: whatever reads them then is as quick as they are few.
select
    {{ raw_columns() }}
from {{ source('live', 'ga4_events_raw') }}
where {{ rows_with(source('live', 'ga4_events_raw'), 'device_id', ref('scope_devices')) }}
