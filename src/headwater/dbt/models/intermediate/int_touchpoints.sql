{{ storage(date='touch_date', cluster='person_id') }}

with saying_events as (
    select * from {{ ref('int_history') }}
    where says_source
),

acquired_events as (
    select * from {{ ref('int_history') }}
    where has_first_user
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

channels as (
    select * from {{ ref('int_channels') }}
),

-- a touch opens where an event says another source than the touch that is open in its session
said as (
    select
        *,
        lag(event_timestamp) over session_order as open_since,
        lag(said_source) over session_order as open_source,
        lag(said_medium) over session_order as open_medium,
        lag(said_campaign) over session_order as open_campaign
    from saying_events
    window session_order as (partition by session_key order by {{ event_order() }})
),

opened as (
    select
        stream_id,
        event_id,
        session_key,
        event_timestamp,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        open_since is null as opens_session,
        said_by,
        said_source as source,
        said_medium as medium,
        said_campaign as campaign
    from said
    where open_since is null
        or said_source is distinct from open_source
        or said_medium is distinct from open_medium
        or said_campaign is distinct from open_campaign
),

-- a person's very first session, if it is silent, takes the acquisition that the export carries
acquired as (
    select
        events.session_key,
        events.first_user_source,
        events.first_user_medium,
        events.first_user_campaign,
        row_number() over (partition by events.session_key order by {{ event_order('events.') }}) as place
    from acquired_events as events
    inner join sessions on sessions.session_key = events.session_key
    where sessions.person_session_number = 1 and not sessions.says_source
),

silent as (
    select
        sessions.stream_id,
        sessions.event_id,
        sessions.session_key,
        sessions.event_timestamp,
        sessions.batch_page_id,
        sessions.batch_ordering_id,
        sessions.batch_event_index,
        true as opens_session,
        case when acquired.place is null then 'nothing' else 'first user' end as said_by,
        case when acquired.place is null then '(direct)' else acquired.first_user_source end as source,
        case when acquired.place is null then '(none)' else acquired.first_user_medium end as medium,
        acquired.first_user_campaign as campaign
    from sessions
    left join acquired on acquired.session_key = sessions.session_key and acquired.place = 1
    where not sessions.says_source
),

touches as (
    select * from opened
    union all
    select * from silent
),

touchpoints as (
    select
        {{ event_key('touches.stream_id', 'touches.event_id') }} as touchpoint_id,
        sessions.person_id,
        sessions.device_id,
        touches.session_key,
        touches.event_timestamp as touch_at,
        {{ local_date('touches.event_timestamp') }} as touch_date,
        row_number() over (
            partition by sessions.person_id order by {{ event_order('touches.') }}
        ) as touch_number,
        touches.opens_session,
        touches.said_by,
        touches.source,
        touches.medium,
        touches.campaign,
        channels.channel,
        channels.channel_rule
    from touches
    inner join sessions on sessions.session_key = touches.session_key
    left join channels
        on channels.source_text = coalesce(touches.source, '')
        and channels.medium_text = coalesce(touches.medium, '')
        and channels.campaign_text = coalesce(touches.campaign, '')
        and channels.period = {{ rule_period(local_date('touches.event_timestamp')) }}
)

select * from touchpoints
