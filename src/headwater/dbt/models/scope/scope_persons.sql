-- Everyone whom a change can touch: who owned a touched device so far, and whoever may own it now. One too many costs time, never truth.
with loaded as (
    select * from {{ source('live', 'ga4_events_raw') }}
    where {{ of_any_day() }}
),

streamed as (
    select * from {{ source('live', 'events_streaming') }}
    where {{ of_any_day() }}
),

published_devices as (
    select * from {{ source('live', 'published_devices') }}
),

touched_devices as (
    select * from {{ ref('scope_touched_devices') }}
),

persons as (
    select 'device:' || device_id as person_id
    from touched_devices
    union distinct
    select person_id
    from published_devices
    where device_id in (select device_id from touched_devices)
    {%- if var('identity') == 'user' %}
    union distinct
    select 'user:' || user_id as person_id
    from loaded
    where user_id is not null and device_id in (select device_id from touched_devices)
    union distinct
    select 'user:' || user_id as person_id
    from streamed
    where user_id is not null and device_id in (select device_id from touched_devices)
    {%- endif %}
)

select * from persons
