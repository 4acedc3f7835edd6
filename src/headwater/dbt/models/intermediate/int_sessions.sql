-- Sessions with their first event; where they came from is for the touches to say.
with events as (
    select * from {{ ref('int_events') }}
),

devices as (
    select * from {{ ref('int_devices') }}
),

summed as (
    select
        session_key,
        min(event_timestamp) as session_start,
        max(event_timestamp) as session_end,
        count(*) as event_count,
        count(case when event_name = 'page_view' then 1 end) as page_views,
        max(case when is_engaged then 1 else 0 end) = 1 as says_engaged,
        max(case when is_conversion then 1 else 0 end) = 1 as has_conversion,
        max(case when says_source then 1 else 0 end) = 1 as says_source,
        {{ first_by('page_location', 'session_event_number') }} as landing_page
    from events
    group by session_key
),

first_events as (
    select * from events
    where session_event_number = 1
),

sessions as (
    select
        summed.session_key,
        first_events.device_id,
        devices.person_id,
        summed.session_start,
        summed.session_end,
        summed.event_count,
        summed.page_views,
        summed.says_engaged
        or summed.has_conversion
        or summed.page_views >= 2
        or summed.session_end - summed.session_start > interval '10 seconds' as is_engaged,
        summed.landing_page,
        summed.says_source,
        first_events.event_key,
        first_events.event_id,
        first_events.event_timestamp,
        first_events.batch_page_id,
        first_events.batch_ordering_id,
        first_events.batch_event_index
    from summed
    inner join first_events on first_events.session_key = summed.session_key
    inner join devices on devices.device_id = first_events.device_id
),

numbered as (
    select
        *,
        row_number() over (partition by person_id order by {{ event_order() }}) as person_session_number
    from sessions
)

select * from numbered
