-- From when on the events of a device are to be looked at again. Sessions that overlap, or lie within a timeout of each other, stand or fall
-- together: an event there can move any of them. Those that end before the first change and do not reach it are as they were.
with changes as (
    select * from {{ ref('scope_changes') }}
),

sessions as (
    select device_id, session_key, session_start, session_end
    from {{ source('live', 'published_sessions') }}
    where device_id in (select device_id from changes)
),

-- an event with a ga_session_id is of that session however long ago it began
touched as (
    select device_id, first_at
    from changes
    union all
    select sessions.device_id, sessions.session_start as first_at
    from changes
    inner join sessions
        on sessions.device_id = changes.device_id
        and sessions.session_key = changes.device_id || '/' || cast(changes.ga_session_id as {{ type_text() }})
),

first_touched as (
    select device_id, min(first_at) as first_at
    from touched
    group by device_id
),

with_ends as (
    select
        *,
        max(session_end) over (
            partition by device_id order by session_start, session_key rows between unbounded preceding and 1 preceding
        ) as ended_at
    from sessions
),

with_groups as (
    select
        *,
        sum(case when session_start > {{ later('ended_at', var('session_timeout_minutes'), 'minute') }} then 1 else 0 end) over (
            partition by device_id order by session_start, session_key rows unbounded preceding
        ) as group_number
    from with_ends
),

session_groups as (
    select
        device_id,
        group_number,
        min(session_start) as since_at,
        max(session_end) as until_at
    from with_groups
    group by device_id, group_number
),

cuts as (
    select
        first_touched.device_id,
        least(first_touched.first_at, coalesce(min(session_groups.since_at), first_touched.first_at)) as since_at,
        coalesce(max(session_groups.until_at), first_touched.first_at) as until_at
    from first_touched
    left join session_groups
        on session_groups.device_id = first_touched.device_id
        and {{ later('session_groups.until_at', var('session_timeout_minutes'), 'minute') }} >= first_touched.first_at
    group by first_touched.device_id, first_touched.first_at
)

select * from cuts
