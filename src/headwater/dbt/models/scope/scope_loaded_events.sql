-- The loaded events of the devices with a change, from the moment on from which they are looked at again: taken out of history once, whatever
-- reads them then is as quick as they are few.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

select
    {{ raw_columns() }}
from {{ source('live', 'ga4_events_raw') }}
where {{ of_days('touched') }}
    and {{ rows_since(source('live', 'ga4_events_raw'), ref('scope_cuts')) }}
