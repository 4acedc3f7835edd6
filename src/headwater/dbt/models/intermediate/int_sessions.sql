-- Sessions with their first event; where they came from is for the touches to say.
with devices as (
    select * from {{ ref('int_devices') }}
),

summed as (
    select
        session_key,
        min(event_timestamp) as session_start,
        max(event_timestamp) as session_end,
        min(case when page_location is not null then event_timestamp end) as landed_at,
        count(*) as event_count,
        count(case when event_name = 'page_view' then 1 end) as page_views,
        max(case when is_engaged then 1 else 0 end) = 1 as says_engaged,
        max(case when is_conversion then 1 else 0 end) = 1 as has_conversion,
        max(case when says_source then 1 else 0 end) = 1 as says_source
    from {{ ref('int_events') }}
    group by session_key
),

-- ordering all events of all sessions would be dear: only those at the two instants that matter are put in order
early as (
    select
        events.*,
        events.event_timestamp = summed.session_start as is_at_start,
        events.page_location is not null and events.event_timestamp = summed.landed_at as is_at_landing
    from {{ ref('int_events') }} as events
    inner join summed on summed.session_key = events.session_key
    where events.event_timestamp = summed.session_start
        or (events.page_location is not null and events.event_timestamp = summed.landed_at)
),

placed as (
    select
        *,
        row_number() over (partition by session_key, is_at_start order by {{ event_order() }}) as place_at_start,
        row_number() over (partition by session_key, is_at_landing order by {{ event_order() }}) as place_at_landing
    from early
),

first_events as (
    select * from placed
    where is_at_start and place_at_start = 1
),

landings as (
    select session_key, page_location as landing_page
    from placed
    where is_at_landing and place_at_landing = 1
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
        landings.landing_page,
        summed.says_source,
        first_events.stream_id,
        first_events.event_id,
        first_events.event_timestamp,
        first_events.batch_page_id,
        first_events.batch_ordering_id,
        first_events.batch_event_index
    from summed
    inner join first_events on first_events.session_key = summed.session_key
    inner join devices on devices.device_id = first_events.device_id
    left join landings on landings.session_key = summed.session_key
),

numbered as (
    select
        *,
        row_number() over (partition by person_id order by {{ event_order() }}) as person_session_number
    from sessions
)

select * from numbered
