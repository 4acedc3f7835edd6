{{ storage(date='session_date', cluster='person_id') }}

with sessions as (
    select * from {{ ref('int_sessions') }}
),

touchpoints as (
    select * from {{ ref('int_touchpoints') }}
    where opens_session
),

final as (
    select
        sessions.session_key,
        sessions.device_id,
        sessions.person_id,
        sessions.session_start,
        sessions.session_end,
        {{ local_date('sessions.session_start') }} as session_date,
        sessions.event_count,
        sessions.page_views,
        sessions.is_engaged as engaged,
        sessions.landing_page,
        touchpoints.source,
        touchpoints.medium,
        touchpoints.campaign,
        touchpoints.channel
    from sessions
    inner join touchpoints on touchpoints.session_key = sessions.session_key
)

select * from final
