with credits as (
    select * from {{ ref('int_attribution_credits') }}
),

attribution as (
    select
        attribution_model,
        conversion_date,
        conversion_event,
        channel as attributed_channel,
        source,
        medium,
        campaign,
        cast(sum(credit) as {{ type_decimal(38, 12) }}) as conversion_count,
        cast(sum(credited_value) as {{ type_decimal(38, 9) }}) as conversion_value
    from credits
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from attribution
