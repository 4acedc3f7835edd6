with events as (
    select * from {{ ref('int_events') }}
    where is_conversion
),

devices as (
    select * from {{ ref('int_devices') }}
),

conversions as (
    select
        events.event_key as conversion_id,
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
