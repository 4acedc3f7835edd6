-- Per conversion and model the credited values sum to exactly the conversion's value.
with credited as (
    select
        conversion_id,
        attribution_model,
        sum(credited_value) as credited_value
    from {{ ref('int_attribution_credits') }}
    group by 1, 2
)

select
    credited.conversion_id,
    credited.attribution_model,
    credited.credited_value,
    conversions.conversion_value
from credited
inner join {{ ref('int_conversions') }} as conversions on conversions.conversion_id = credited.conversion_id
where credited.credited_value is distinct from conversions.conversion_value
