-- Days of a stream that an export has newly covered. A table of its own: it is nearly always empty, and an engine that knows it spares
-- the look at all events that could be replaced.
with coverage as (
    select * from {{ source('live', 'headwater_coverage') }}
),

covered_days as (
    select distinct
        {{ stream_of('coverage.stream_id') }} as stream_id,
        {{ local_date('coverage.quarter') }} as event_date
    from coverage
    where {{ newly_arrived() }}
)

select * from covered_days
