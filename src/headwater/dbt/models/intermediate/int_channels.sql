-- The channel of each traffic source that occurs, decided once per source and not once per touch.
with traffic_sources as (
    select * from {{ ref('traffic_sources') }}
),

said as (
    select said_source as source, said_medium as medium, said_campaign as campaign, said_domain as source_domain
    from {{ ref('int_history') }}
    where says_source
    union distinct
    select first_user_source, first_user_medium, first_user_campaign, first_user_domain
    from {{ ref('int_history') }}
    where has_first_user
    union distinct
    select '(direct)' as source, '(none)' as medium, cast(null as {{ type_text() }}) as campaign, cast(null as {{ type_text() }}) as source_domain
),

named as (
    select
        coalesce(source, '') as source_text,
        coalesce(medium, '') as medium_text,
        coalesce(campaign, '') as campaign_text,
        max(source_domain) as source_domain
    from said
    group by 1, 2, 3
),

periods as (
    {%- for period in range(var('channel_period_starts') | length + 1) %}
    select {{ period }} as period
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

categorised as (
    select
        named.source_text,
        named.medium_text,
        named.campaign_text,
        periods.period,
        coalesce(by_source.category, by_domain.category) as source_category
    from named
    cross join periods
    left join traffic_sources as by_source on by_source.source = named.source_text
    left join traffic_sources as by_domain on by_domain.source = named.source_domain
),

ruled as (
    select
        *,
        {{ first_rule('rule') }} as channel_rule,
        {{ first_rule('channel') }} as rule_channel
    from categorised
),

channels as (
    select
        source_text,
        medium_text,
        campaign_text,
        period,
        channel_rule,
        {%- if var('channel_group') == 'simple' %}
        case rule_channel
            {%- for channel, simple in var('simple_channels').items() %}
            when {{ quoted(channel) }} then {{ quoted(simple) }}
            {%- endfor %}
            else rule_channel
        end as channel
        {%- else %}
        rule_channel as channel
        {%- endif %}
    from ruled
)

select * from channels
