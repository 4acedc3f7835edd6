-- Values of two currencies are never added up: neither within this build nor with what is published.
{{ config(meta={'advice': "The conversions are in more than one currency, and adding those up would be wrong: set reporting_currency in "
    ~ "headwater.toml (for example \"EUR\") and load exchange rates."}) }}
with currencies as (
    select currency from {{ ref('int_conversions') }}
    {%- if is_incremental_build() %}
    union
    select currency from {{ source('live', 'published_conversions') }}
    where person_id not in (select person_id from {{ ref('scope_persons') }})
    {%- endif %}
)

select count(distinct currency) as currencies
from currencies
having count(distinct currency) > 1
