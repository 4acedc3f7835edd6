-- Every event in its session. Only devices with an event that lacks a ga_session_id need visits worked out.
with events as (
    select
        event_key,
        event_id,
        device_id,
        event_name,
        event_timestamp,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        user_id,
        ga_session_id,
        page_location,
        is_engaged,
        said_by,
        said_source,
        said_medium,
        said_campaign,
        said_domain,
        first_user_source,
        first_user_medium,
        first_user_campaign,
        first_user_domain,
        value,
        currency,
        transaction_id
    from {{ ref('stg_ga4_events') }}
),

devices_with_visits as (
    select distinct device_id
    from events
    where ga_session_id is null
),

in_ga4_sessions as (
    select
        *,
        device_id || '/' || cast(ga_session_id as varchar) as session_key
    from events
    where
        not exists (
            select 1
            from devices_with_visits
            where devices_with_visits.device_id = events.device_id
        )
),

with_gaps as (
    select
        *,
        row_number() over device_order as device_event_number,
        event_timestamp - lag(event_timestamp) over device_order as gap
    from events
    where device_id in (select device_id from devices_with_visits)
    window device_order as (partition by device_id order by {{ event_order() }})
),

with_visits as (
    select
        *,
        sum(case when gap > interval '{{ var("session_timeout_minutes") }} minutes' then 1 else 0 end) over (
            partition by device_id order by device_event_number rows unbounded preceding
        ) as visit_number
    from with_gaps
),

with_runs as (
    -- events up to the next ga_session_id of the visit share a run: run 0 is what comes before the first one
    select
        *,
        count(ga_session_id) over (
            partition by device_id, visit_number order by device_event_number rows unbounded preceding
        ) as run_number,
        min(event_timestamp) over (partition by device_id, visit_number) as visit_start
    from with_visits
),

with_sessions as (
    select
        *,
        coalesce(
            max(ga_session_id) over (partition by device_id, visit_number, run_number),
            -- only run 0 is without: it takes the session of run 1
            max(case when run_number = 1 then ga_session_id end) over (partition by device_id, visit_number)
        ) as session_id
    from with_runs
),

in_visits as (
    select
        *,
        case
            when session_id is not null then device_id || '/' || cast(session_id as varchar)
            else device_id || '/@' || cast({{ microseconds('visit_start') }} as varchar)
        end as session_key
    from with_sessions
),

{%- set columns %}
        event_key, event_id, device_id, session_key, event_name, event_timestamp, batch_page_id, batch_ordering_id,
        batch_event_index, user_id, page_location, is_engaged, said_by, said_source, said_medium, said_campaign, said_domain,
        first_user_source, first_user_medium, first_user_campaign, first_user_domain, value, currency, transaction_id
{%- endset %}

in_sessions as (
    select {{ columns }} from in_ga4_sessions
    union all
    select {{ columns }} from in_visits
),

numbered as (
    select
        *,
        row_number() over (partition by session_key order by {{ event_order() }}) as session_event_number,
        said_by is not null as says_source,
        {{ one_of('event_name', var('conversion_events')) }} as is_conversion
    from in_sessions
)

select * from numbered
