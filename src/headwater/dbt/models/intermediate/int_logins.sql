-- Who has logged in on which device: any of them may own it once a later login no longer counts.
{{ storage(cluster='person_id') }}

with events as (
    select * from {{ ref('int_history') }}
    where user_id is not null
),

devices as (
    select * from {{ ref('int_devices') }}
),

logins as (
    select distinct
        devices.person_id,
        events.device_id,
        events.user_id
    from events
    inner join devices on devices.device_id = events.device_id
)

select * from logins
