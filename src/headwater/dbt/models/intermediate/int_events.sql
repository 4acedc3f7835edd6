-- Every event in its session.
{{ storage(timestamp='event_timestamp', cluster='device_id') }}

with events as (
    select * from {{ ref('stg_ga4_events') }}
),

visits as (
    select * from {{ ref('int_visits') }}
),

in_sessions as (
    select
        events.stream_id,
        events.event_id,
        events.device_id,
        case
            when events.ga_session_id is not null then events.device_id || '/' || cast(events.ga_session_id as {{ type_text() }})
            else visits.session_key
        end as session_key,
        events.event_name,
        events.event_timestamp,
        events.batch_page_id,
        events.batch_ordering_id,
        events.batch_event_index,
        events.user_id,
        events.page_location,
        events.is_engaged,
        events.said_by,
        events.said_source,
        events.said_medium,
        events.said_campaign,
        events.said_domain,
        events.first_user_source,
        events.first_user_medium,
        events.first_user_campaign,
        events.first_user_domain,
        events.value,
        events.currency,
        events.transaction_id,
        events.said_by is not null as says_source,
        coalesce(events.first_user_source, events.first_user_medium, events.first_user_campaign) is not null as has_first_user,
        {{ one_of('events.event_name', var('conversion_events')) }} as is_conversion
    from events
    left join visits
        on events.ga_session_id is null
        and visits.event_id = events.event_id
        and visits.stream_id = events.stream_id
)

select * from in_sessions
