-- Devices with a change of their own, and devices that share an order with one: which event of an order counts may change.
with changes as (
    select * from {{ ref('scope_changes') }}
),

loaded as (
    select * from {{ source('live', 'ga4_events_raw') }}
    where {{ of_any_day() }}
),

streamed as (
    select * from {{ source('live', 'events_streaming') }}
    where {{ of_any_day() }}
),

orders as (
    select distinct transaction_id
    from changes
    where transaction_id is not null
),

touched_devices as (
    select device_id from changes
    union distinct
    select device_id
    from loaded
    where transaction_id in (select transaction_id from orders)
    union distinct
    select device_id
    from streamed
    where transaction_id in (select transaction_id from orders)
)

select * from touched_devices
