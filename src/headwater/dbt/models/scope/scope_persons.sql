-- Everyone whom a change can touch: who owned a touched device so far, and whoever may own it now. One too many costs time, never truth.
with changes as (
    select * from {{ ref('scope_changes') }}
),

published_devices as (
    select * from {{ source('live', 'published_devices') }}
),

published_logins as (
    select * from {{ source('live', 'published_logins') }}
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
    from changes
    where user_id is not null
    union distinct
    select 'user:' || user_id as person_id
    from published_logins
    where device_id in (select device_id from touched_devices)
    {%- endif %}
)

select * from persons
