with attribution as (
    select * from {{ ref('mart_attribution') }}
    where attribution_model in ('first_click', 'last_click')
),

sides as (
    select
        conversion_date,
        conversion_event,
        attributed_channel as channel,
        sum(case when attribution_model = 'first_click' then conversion_count else 0 end) as first_click_conversions,
        sum(case when attribution_model = 'last_click' then conversion_count else 0 end) as last_click_conversions,
        sum(case when attribution_model = 'first_click' then conversion_value else 0 end) as first_click_value,
        sum(case when attribution_model = 'last_click' then conversion_value else 0 end) as last_click_value
    from attribution
    group by 1, 2, 3
),

comparison as (
    select
        conversion_date,
        conversion_event,
        channel,
        cast(first_click_conversions as bigint) as first_click_conversions,
        cast(last_click_conversions as bigint) as last_click_conversions,
        cast(last_click_conversions - first_click_conversions as bigint) as conversion_shift,
        cast(first_click_value as decimal(38, 9)) as first_click_value,
        cast(last_click_value as decimal(38, 9)) as last_click_value,
        cast(last_click_value - first_click_value as decimal(38, 9)) as value_shift
    from sides
)

select * from comparison
