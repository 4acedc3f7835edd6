-- The days of a stream whose rows of a weaker kind do not count, because a stronger one has brought the same day.
{{ config(materialized='view', meta={'publish': 'view'}) }}

with coverage as (
    select * from {{ source('live', 'headwater_coverage') }}
    where {{ arrived() }}
),

days as (
    select distinct
        {{ stream_of('stream_id') }} as stream_id,
        {{ local_date('quarter') }} as event_date,
        source_kind
    from coverage
),

covered_days as (
    select stream_id, event_date, 'export_intraday' as replaced_kind
    from days
    where source_kind = 'export_daily'
    {%- if var('supersede_streamed') %}
    union distinct
    select stream_id, event_date, 'stream' as replaced_kind
    from days
    {%- endif %}
)

select * from covered_days
