with attribution as (
    select * from {{ ref('mart_attribution') }}
    where attribution_model = 'first_click'
),

final as (
    select
        conversion_date,
        conversion_event,
        attributed_channel,
        source,
        medium,
        campaign,
        cast(conversion_count as {{ type_whole() }}) as conversion_count,
        conversion_value
    from attribution
)

select * from final
