{{ storage(timestamp='conversion_at', cluster='person_id') }}

with events as (
    select * from {{ ref('int_history') }}
    where is_conversion
),

devices as (
    select * from {{ ref('int_devices') }}
),

conversions as (
    select
        {{ event_key('events.stream_id', 'events.event_id') }} as conversion_id,
        events.event_name as conversion_event,
        devices.person_id,
        events.device_id,
        events.session_key,
        events.event_timestamp as conversion_at,
        events.value,
        events.currency,
        events.transaction_id
    from events
    inner join devices on devices.device_id = events.device_id
)

select * from conversions
