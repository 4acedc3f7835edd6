-- What later builds need to know of events that they do not look at again: those that can be told apart by what is computed, and the first one of
-- each session, which stands for all others of it.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

with events as (
    select * from {{ ref('int_events') }}
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

judged as (
    select
        events.*,
        events.event_id = sessions.event_id and events.stream_id = sessions.stream_id as is_first,
        events.says_source and (
            lag(events.event_timestamp) over by_saying is null
            or events.said_source is distinct from lag(events.said_source) over by_saying
            or events.said_medium is distinct from lag(events.said_medium) over by_saying
            or events.said_campaign is distinct from lag(events.said_campaign) over by_saying
            or events.said_domain is distinct from lag(events.said_domain) over by_saying
        ) as says_something_new,
        events.has_first_user
        and not sessions.says_source
        and row_number() over (
            partition by events.session_key, events.has_first_user order by {{ event_order('events.') }}
        ) = 1 as is_acquisition,
        events.user_id is not null
        and row_number() over (
            partition by events.session_key, events.user_id
            order by
                events.event_timestamp desc,
                events.batch_page_id desc nulls last,
                events.batch_ordering_id desc nulls last,
                events.batch_event_index desc nulls last,
                events.event_id desc,
                events.stream_id desc
        ) = 1 as is_login,
        events.is_conversion or (events.transaction_id is not null and events.event_name = 'refund') as is_of_order,
        sessions.event_count,
        sessions.page_views,
        sessions.session_end,
        sessions.is_engaged as session_is_engaged,
        sessions.landing_page
    from events
    inner join sessions on sessions.session_key = events.session_key
    where events.says_source
        or events.user_id is not null
        or events.is_conversion
        or events.event_name = 'refund'
        or (events.has_first_user and not sessions.says_source)
        or (events.event_id = sessions.event_id and events.stream_id = sessions.stream_id)
    window by_saying as (partition by events.session_key, events.says_source order by {{ event_order('events.') }})
),

kept as (
    select
        *,
        count(*) over (partition by session_key) as kept_events,
        count(case when event_name = 'page_view' then 1 end) over (partition by session_key) as kept_page_views
    from judged
    where is_first or says_something_new or is_acquisition or is_login or is_of_order
),

final as (
    select
        {{ columns_of_events(without=['page_location']) }},
        case when is_first then landing_page end as page_location,
        case when is_first then event_count - kept_events else 0 end as other_events,
        case when is_first then page_views - kept_page_views else 0 end as other_page_views,
        case when is_first then session_end end as others_until,
        is_first and session_is_engaged as others_engaged
    from kept
)

select * from final
