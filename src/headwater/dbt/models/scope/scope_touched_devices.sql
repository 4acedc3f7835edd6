-- Devices with a change of their own, and devices that share an order with one: which event of an order counts may change.
with changes as (
    select * from {{ ref('scope_changes') }}
),

published_candidates as (
    select * from {{ source('live', 'published_candidates') }}
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
    from published_candidates
    where transaction_id in (select transaction_id from orders)
)

select * from touched_devices
