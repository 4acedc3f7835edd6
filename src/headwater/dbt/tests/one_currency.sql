-- Values of two currencies are never added up: neither within this build nor with what is published.
{{ config(meta={'advice': "The conversions are in more than one currency, and adding those up would be wrong: set reporting_currency in "
    ~ "headwater.toml (for example \"EUR\") and load exchange rates."}) }}
with currencies as (
    select currency from {{ ref('int_conversions') }}
    {%- if not var('reporting_currency') %}
    union distinct
    select order_events.currency
    from {{ ref('int_order_events') }} as order_events
    inner join {{ ref('int_conversions') }} as conversions
        on conversions.transaction_id = order_events.transaction_id
        and conversions.conversion_event = 'purchase'
    where order_events.event_name = 'refund'
    {%- endif %}
    {%- if is_incremental_build() %}
    union distinct
    select currency from {{ source('live', 'published_conversions') }}
    where person_id not in (select person_id from {{ ref('scope_persons') }})
    {%- endif %}
)

select count(distinct currency) as currencies
from currencies
having count(distinct currency) > 1
