-- Every conversion is credited by every configured model.
with models as (
    {%- for model in var('attribution_models') %}
    select '{{ model }}' as attribution_model
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

credited as (
    select distinct conversion_id, attribution_model
    from {{ ref('int_attribution_credits') }}
)

select
    conversions.conversion_id,
    models.attribution_model
from {{ ref('int_conversions') }} as conversions
cross join models
left join credited
    on credited.conversion_id = conversions.conversion_id
    and credited.attribution_model = models.attribution_model
where credited.conversion_id is null
