-- The session of each event that has no ga_session_id, found by the gaps between its device's events. Where every event has one, there
-- is nothing to find: only devices with such an event are looked at.
with devices as (
    select device_id
    from {{ loaded_events() }}
    where {{ of_any_day() }} and ga_session_id is null and {{ arrived() }}
    union distinct
    select device_id
    from {{ streamed_events() }}
    where {{ of_any_day() }} and ga_session_id is null and {{ arrived() }}
),

loaded as (
    {{ rows_that_count(loaded_events(), 'raw.device_id in (select device_id from devices)') }}
),

streamed as (
    {{ rows_that_count(streamed_events(), 'raw.device_id in (select device_id from devices)') }}
),

{%- set columns %}
        device_id, ga_session_id, event_timestamp, batch_page_id, batch_ordering_id, batch_event_index, event_id,
        counted_stream_id as stream_id
{%- endset %}

events as (
    select {{ columns }}
    from loaded
    union all
    select {{ columns }}
    from streamed
),

with_gaps as (
    select
        *,
        row_number() over device_order as device_event_number,
        lag(event_timestamp) over device_order as previous_at
    from events
    window device_order as (partition by device_id order by {{ event_order() }})
),

with_visits as (
    select
        *,
        sum(case when event_timestamp > {{ later('previous_at', var('session_timeout_minutes'), 'minute') }} then 1 else 0 end) over (
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

visits as (
    select
        stream_id,
        event_id,
        case
            when session_id is not null then device_id || '/' || cast(session_id as {{ type_text() }})
            else device_id || '/@' || cast({{ microseconds('visit_start') }} as {{ type_text() }})
        end as session_key
    from with_sessions
    where ga_session_id is null
)

select * from visits
