-- Conversion and refund events that name an order, of the persons in scope.
{{ storage(timestamp='event_timestamp', cluster='person_id') }}

with events as (
    select * from {{ ref('int_history') }}
    where transaction_id is not null
        and {{ one_of('event_name', var('conversion_events') + ['refund']) }}
),

devices as (
    select * from {{ ref('int_devices') }}
),

orders as (
    select
        devices.person_id,
        {{ event_key('events.stream_id', 'events.event_id') }} as event_key,
        events.event_id,
        events.stream_id,
        events.event_name,
        events.event_timestamp,
        events.batch_page_id,
        events.batch_ordering_id,
        events.batch_event_index,
        events.transaction_id,
        events.value,
        events.currency
    from events
    inner join devices on devices.device_id = events.device_id
)

select * from orders
