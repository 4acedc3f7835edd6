-- What later builds need to know of events that they do not look at again: those that can be told apart by what is computed, and the first one of
-- each session, which stands for all others of it.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

with events as (
    select * from {{ ref('int_events') }}
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

said as (
    select
        *,
        lag(event_timestamp) over session_order as said_before_at,
        lag(said_source) over session_order as source_before,
        lag(said_medium) over session_order as medium_before,
        lag(said_campaign) over session_order as campaign_before,
        lag(said_domain) over session_order as domain_before
    from events
    where says_source
    window session_order as (partition by session_key order by {{ event_order() }})
),

acquired as (
    select
        events.*,
        row_number() over (partition by events.session_key order by {{ event_order('events.') }}) as place
    from events
    inner join sessions on sessions.session_key = events.session_key
    where events.has_first_user and not sessions.says_source
),

logged_in as (
    select
        *,
        row_number() over (
            partition by session_key, user_id
            order by
                event_timestamp desc,
                batch_page_id desc nulls last,
                batch_ordering_id desc nulls last,
                batch_event_index desc nulls last,
                event_id desc,
                stream_id desc
        ) as recency
    from events
    where user_id is not null
),

chosen as (
    select {{ columns_of_events() }}
    from said
    where said_before_at is null
        or said_source is distinct from source_before
        or said_medium is distinct from medium_before
        or said_campaign is distinct from campaign_before
        or said_domain is distinct from domain_before
    union distinct
    select {{ columns_of_events() }}
    from acquired
    where place = 1
    union distinct
    select {{ columns_of_events() }}
    from logged_in
    where recency = 1
    union distinct
    select {{ columns_of_events() }}
    from events
    where is_conversion or (event_name = 'refund' and transaction_id is not null)
    union distinct
    select {{ columns_of_events('events.') }}
    from events
    inner join sessions
        on sessions.session_key = events.session_key
        and sessions.event_id = events.event_id
        and sessions.stream_id = events.stream_id
),

kept as (
    select
        chosen.*,
        chosen.event_id = sessions.event_id and chosen.stream_id = sessions.stream_id as is_first,
        count(*) over (partition by chosen.session_key) as kept_events,
        count(case when chosen.event_name = 'page_view' then 1 end) over (partition by chosen.session_key) as kept_page_views,
        sessions.event_count,
        sessions.page_views,
        sessions.session_end,
        sessions.is_engaged as session_is_engaged,
        sessions.landing_page
    from chosen
    inner join sessions on sessions.session_key = chosen.session_key
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
