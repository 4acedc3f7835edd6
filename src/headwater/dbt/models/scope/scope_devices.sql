-- All devices of the persons in scope.
with scope_persons as (
    select * from {{ ref('scope_persons') }}
),

touched_devices as (
    select * from {{ ref('scope_touched_devices') }}
),

published_devices as (
    select * from {{ source('live', 'published_devices') }}
),

devices as (
    select device_id from touched_devices
    union distinct
    select device_id
    from published_devices
    where person_id in (select person_id from scope_persons)
)

select * from devices
