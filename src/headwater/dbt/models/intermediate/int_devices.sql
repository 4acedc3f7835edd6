{{ storage(cluster='person_id') }}

with devices as (
    select distinct device_id
    from {{ ref('int_history') }}
),
{%- if var('identity') == 'user' %}

logins as (
    select
        device_id,
        user_id,
        row_number() over (
            partition by device_id
            order by
                event_timestamp desc,
                batch_page_id desc nulls last,
                batch_ordering_id desc nulls last,
                batch_event_index desc nulls last,
                event_id desc,
                stream_id desc
        ) as recency
    from {{ ref('int_history') }}
    where user_id is not null
),

persons as (
    select
        devices.device_id,
        case
            when logins.user_id is not null then 'user:' || logins.user_id
            else 'device:' || devices.device_id
        end as person_id
    from devices
    left join logins on logins.device_id = devices.device_id and logins.recency = 1
)
{%- else %}

persons as (
    select
        device_id,
        'device:' || device_id as person_id
    from devices
)
{%- endif %}

select * from persons
