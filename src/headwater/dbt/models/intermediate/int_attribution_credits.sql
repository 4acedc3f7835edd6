-- Credits are whole-number weights over their sum, cut off at twelve decimals (values at nine); the last credited step takes
-- what is left. So both sums are exact, and the same on every engine.
{{ storage(date='conversion_date', cluster='person_id') }}

{%- set models = var('attribution_models') %}
{%- set exact = 1000000000000 %}
{#- wide enough for the product: a decimal that is not keeps its width on some engines, and overflows -#}
{%- set value_in_billionths = whole_number('cast(conversion_value as ' ~ type_decimal(24, 6) ~ ') * 1000000') ~ ' * 1000' %}

with journeys as (
    select * from {{ ref('int_user_journeys') }}
),

conversions as (
    select * from {{ ref('int_conversions') }}
),

models as (
    {%- for model in models %}
    select '{{ model }}' as attribution_model, {{ 'true' if model in var('ignore_direct') else 'false' }} as ignores_direct
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

marked as (
    select
        *,
        max(case when channel <> 'Direct' then 1 else 0 end) over (partition by conversion_id) = 1 as has_other_than_direct
    from journeys
),

eligible as (
    select
        marked.*,
        models.attribution_model
    from marked
    cross join models
    where not (models.ignores_direct and marked.has_other_than_direct and marked.channel = 'Direct')
),

placed as (
    select
        *,
        row_number() over (partition by conversion_id, attribution_model order by step_number) as place,
        count(*) over (partition by conversion_id, attribution_model) as places,
        max(last_touch_rank) over (partition by conversion_id, attribution_model) as newest_touch_rank,
        max(first_touch_at) over (partition by conversion_id, attribution_model) as newest_first_touch_at
    from eligible
),

weighted as (
    select
        *,
        cast(
            case attribution_model
                when 'first_click' then case when place = 1 then 1 else 0 end
                when 'last_click' then case when last_touch_rank = newest_touch_rank then 1 else 0 end
                when 'linear' then 1
                when 'position_based'
                    then case
                        when places <= 2 then 1
                        when place = 1 or place = places then 2 * (places - 2)
                        else 1
                    end
                when 'time_decay'
                    then round(
                        {{ exact }} * power(
                            cast(2 as {{ type_double() }}),
                            -- below 2^-64 a weight is 0 in any case, and some engines refuse to compute it
                            greatest(
                                -64,
                                -cast({{ microseconds('newest_first_touch_at') }} - {{ microseconds('first_touch_at') }} as {{ type_double() }})
                                / {{ var('half_life_days') * 86400000000 }}
                            )
                        )
                    )
            end as {{ type_whole() }}
        ) as weight
    from placed
),

credited as (
    select
        weighted.*,
        sum(weighted.weight) over (partition by weighted.conversion_id, weighted.attribution_model) as weight_sum,
        row_number() over (
            partition by weighted.conversion_id, weighted.attribution_model order by weighted.step_number desc
        ) as place_from_the_end,
        conversions.conversion_event,
        conversions.conversion_date,
        conversions.conversion_value
    from weighted
    inner join conversions on conversions.conversion_id = weighted.conversion_id
    where weighted.weight > 0
),

shared as (
    select
        *,
        {{ share(exact, 'weight', 'weight_sum') }} as credit_units,
        {{ share(value_in_billionths, 'weight', 'weight_sum') }} as value_units
    from credited
),

settled as (
    select
        *,
        case
            when place_from_the_end = 1
                then {{ exact }} - sum(credit_units) over (partition by conversion_id, attribution_model) + credit_units
            else credit_units
        end as settled_credit,
        case
            when place_from_the_end = 1
                then {{ value_in_billionths }}
                - sum(value_units) over (partition by conversion_id, attribution_model) + value_units
            else value_units
        end as settled_value
    from shared
),

credits as (
    select
        conversion_id,
        attribution_model,
        conversion_event,
        conversion_date,
        person_id,
        step_number,
        case when attribution_model = 'last_click' then last_touchpoint_id else touchpoint_id end as touchpoint_id,
        case when attribution_model = 'last_click' then last_touch_at else first_touch_at end as touch_at,
        channel,
        case when attribution_model = 'last_click' then last_source else source end as source,
        case when attribution_model = 'last_click' then last_medium else medium end as medium,
        case when attribution_model = 'last_click' then last_campaign else campaign end as campaign,
        cast(
            cast(settled_credit as {{ type_decimal(18, 0) }}) * cast('0.000000000001' as {{ type_decimal(13, 12) }})
            as {{ type_decimal(18, 12) }}
        ) as credit,
        cast(
            cast(settled_value as {{ type_decimal(24, 0) }}) * cast('0.000000001' as {{ type_decimal(10, 9) }})
            as {{ type_decimal(27, 9) }}
        ) as credited_value
    from settled
)

select * from credits
