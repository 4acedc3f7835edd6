-- First click and last click share out the same conversions and the same money, day by day.
{%- if 'first_click' in var('attribution_models') and 'last_click' in var('attribution_models') %}
with totals as (
    select
        conversion_date,
        conversion_event,
        sum(first_click_conversions) as first_click_conversions,
        sum(last_click_conversions) as last_click_conversions,
        sum(first_click_value) as first_click_value,
        sum(last_click_value) as last_click_value
    from {{ ref('mart_attribution_comparison') }}
    group by 1, 2
)

select * from totals
where first_click_conversions <> last_click_conversions
    or first_click_value is distinct from last_click_value
{%- else %}
select 1 as not_both_models_are_configured from {{ ref('mart_attribution_comparison') }} where false
{%- endif %}
