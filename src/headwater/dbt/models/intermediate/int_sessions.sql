-- Sessions with their first event; where they came from is for the touches to say.
{{ storage(timestamp='session_start', cluster='person_id') }}

with devices as (
    select * from {{ ref('int_devices') }}
),

summed as (
    select
        session_key,
        min(event_timestamp) as session_start,
        greatest(max(event_timestamp), coalesce(max(others_until), max(event_timestamp))) as session_end,
        min(case when page_location is not null then event_timestamp end) as landed_at,
        count(*) + cast(coalesce(sum(other_events), 0) as {{ type_whole() }}) as event_count,
        count(case when event_name = 'page_view' then 1 end) + cast(coalesce(sum(other_page_views), 0) as {{ type_whole() }}) as page_views,
        max(case when is_engaged or others_engaged then 1 else 0 end) = 1 as says_engaged,
        max(case when is_conversion then 1 else 0 end) = 1 as has_conversion,
        max(case when says_source then 1 else 0 end) = 1 as says_source
    from {{ ref('int_history') }}
    group by session_key
),

-- ordering all events of all sessions would be dear: only those at the two instants that matter are put in order
early as (
    select
        events.*,
        events.event_timestamp = summed.session_start as is_at_start,
        events.page_location is not null and events.event_timestamp = summed.landed_at as is_at_landing
    from {{ ref('int_history') }} as events
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

-- put together by a group, not by a join: how many of the rows just placed come first is more than a planner can guess
parts as (
    select
        session_key,
        session_start,
        session_end,
        event_count,
        page_views,
        case
            when says_engaged
                or has_conversion
                or page_views >= 2
                or session_end > {{ later('session_start', 10, 'second') }} then 1
            else 0
        end as is_engaged,
        case when says_source then 1 else 0 end as says_source,
        cast(null as {{ type_text() }}) as landing_page,
        cast(null as {{ type_text() }}) as device_id,
        cast(null as {{ type_text() }}) as stream_id,
        cast(null as {{ type_text() }}) as event_id,
        cast(null as {{ type_whole() }}) as batch_page_id,
        cast(null as {{ type_whole() }}) as batch_ordering_id,
        cast(null as {{ type_whole() }}) as batch_event_index
    from summed
    union all
    select
        session_key,
        null as session_start,
        null as session_end,
        null as event_count,
        null as page_views,
        null as is_engaged,
        null as says_source,
        case when is_at_landing and place_at_landing = 1 then page_location end as landing_page,
        case when is_at_start and place_at_start = 1 then device_id end as device_id,
        case when is_at_start and place_at_start = 1 then stream_id end as stream_id,
        case when is_at_start and place_at_start = 1 then event_id end as event_id,
        case when is_at_start and place_at_start = 1 then batch_page_id end as batch_page_id,
        case when is_at_start and place_at_start = 1 then batch_ordering_id end as batch_ordering_id,
        case when is_at_start and place_at_start = 1 then batch_event_index end as batch_event_index
    from placed
),

whole as (
    select
        session_key,
        max(session_start) as session_start,
        max(session_end) as session_end,
        max(event_count) as event_count,
        max(page_views) as page_views,
        max(is_engaged) = 1 as is_engaged,
        max(landing_page) as landing_page,
        max(says_source) = 1 as says_source,
        max(device_id) as device_id,
        max(stream_id) as stream_id,
        max(event_id) as event_id,
        max(batch_page_id) as batch_page_id,
        max(batch_ordering_id) as batch_ordering_id,
        max(batch_event_index) as batch_event_index
    from parts
    group by session_key
),

sessions as (
    select
        whole.session_key,
        whole.device_id,
        devices.person_id,
        whole.session_start,
        whole.session_end,
        whole.event_count,
        whole.page_views,
        whole.is_engaged,
        whole.landing_page,
        whole.says_source,
        whole.stream_id,
        whole.event_id,
        whole.session_start as event_timestamp,
        whole.batch_page_id,
        whole.batch_ordering_id,
        whole.batch_event_index
    from whole
    inner join devices on devices.device_id = whole.device_id
),

numbered as (
    select
        *,
        row_number() over (partition by person_id order by {{ event_order() }}) as person_session_number
    from sessions
)

select * from numbered
