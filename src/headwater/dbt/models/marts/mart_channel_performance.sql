-- Conversions are those that last click credits to the channel (or the first of the configured models, where last click is not one).
{%- set model = 'last_click' if 'last_click' in var('attribution_models') else var('attribution_models')[0] %}

with sessions as (
    select * from {{ ref('stg_ga4_sessions') }}
),

attribution as (
    select * from {{ ref('mart_attribution') }}
    where attribution_model = '{{ model }}'
),

visited as (
    select
        session_date as date,
        channel,
        count(*) as sessions,
        count(distinct person_id) as persons
    from sessions
    group by 1, 2
),

converted as (
    select
        conversion_date as date,
        attributed_channel as channel,
        sum(conversion_count) as conversions,
        sum(conversion_value) as value
    from attribution
    group by 1, 2
),

performance as (
    select
        coalesce(visited.date, converted.date) as date,
        coalesce(visited.channel, converted.channel) as channel,
        cast(coalesce(visited.sessions, 0) as {{ type_whole() }}) as sessions,
        cast(coalesce(visited.persons, 0) as {{ type_whole() }}) as persons,
        cast(coalesce(converted.conversions, 0) as {{ type_decimal(38, 12) }}) as conversions,
        cast(coalesce(converted.value, 0) as {{ type_decimal(38, 9) }}) as value,
        cast(
            cast(coalesce(converted.conversions, 0) as {{ type_double() }}) / nullif(visited.sessions, 0) as {{ type_double() }}
        ) as conversion_rate,
        cast(null as {{ type_decimal(18, 6) }}) as spend,
        cast(null as {{ type_decimal(18, 6) }}) as cpa,
        cast(null as {{ type_double() }}) as roas
    from visited
    full outer join converted on converted.date = visited.date and converted.channel = visited.channel
)

select * from performance
