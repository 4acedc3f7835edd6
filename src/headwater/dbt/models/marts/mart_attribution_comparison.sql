-- A side whose model is not configured is null: that nothing is known of it is not the same as nothing.
with attribution as (
    select * from {{ ref('mart_attribution') }}
    where attribution_model in ('first_click', 'last_click')
),

-- noqa: disable=LT02
sides as (
    select
        conversion_date,
        conversion_event,
        attributed_channel as channel,
        {%- for model in ('first_click', 'last_click') %}
        {%- if model in var('attribution_models') %}
        sum(case when attribution_model = '{{ model }}' then conversion_count else 0 end) as {{ model }}_conversions,
        sum(case when attribution_model = '{{ model }}' then conversion_value else 0 end) as {{ model }}_value
        {%- else %}
        cast(null as {{ type_decimal(38, 9) }}) as {{ model }}_conversions,
        cast(null as {{ type_decimal(38, 9) }}) as {{ model }}_value
        {%- endif %}
        {{- "," if not loop.last }}
        {%- endfor %}
    from attribution
    group by 1, 2, 3
),

-- noqa: enable=LT02
comparison as (
    select
        conversion_date,
        conversion_event,
        channel,
        cast(first_click_conversions as {{ type_whole() }}) as first_click_conversions,
        cast(last_click_conversions as {{ type_whole() }}) as last_click_conversions,
        cast(last_click_conversions - first_click_conversions as {{ type_whole() }}) as conversion_shift,
        cast(first_click_value as {{ type_decimal(38, 9) }}) as first_click_value,
        cast(last_click_value as {{ type_decimal(38, 9) }}) as last_click_value,
        cast(last_click_value - first_click_value as {{ type_decimal(38, 9) }}) as value_shift
    from sides
)

select * from comparison
