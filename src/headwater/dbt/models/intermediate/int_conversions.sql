{{ storage(date='conversion_date', cluster='person_id') }}

with candidates as (
    select * from {{ ref('stg_ga4_conversions') }}
),

order_events as (
    select * from {{ ref('int_order_events') }}
),

-- an order that is sent twice counts once, at its first event
places as (
    select
        event_key,
        row_number() over (partition by event_name, transaction_id order by {{ event_order() }}) as place
    from order_events
    where {{ one_of('event_name', var('conversion_events')) }}
),

counted as (
    select
        candidates.*,
        {{ local_date('candidates.conversion_at') }} as conversion_date
    from candidates
    left join places on places.event_key = candidates.conversion_id
    where candidates.transaction_id is null or places.place = 1
),

refunds as (
    select
        counted.conversion_id,
        abs(order_events.value) as value,
        coalesce(order_events.currency, counted.currency) as currency
    from counted
    inner join order_events on order_events.transaction_id = counted.transaction_id
    where counted.conversion_event = 'purchase' and order_events.event_name = 'refund'
),

{%- if var('reporting_currency') %}

-- the newest rate on or before a conversion's date, at most a week old: none is published on weekends
wanted_rates as (
    select currency, conversion_date from counted
    union distinct
    select refunds.currency, counted.conversion_date
    from refunds
    inner join counted on counted.conversion_id = refunds.conversion_id
),

known_rates as (
    select
        wanted_rates.currency,
        wanted_rates.conversion_date,
        exchange_rates.rate,
        row_number() over (
            partition by wanted_rates.currency, wanted_rates.conversion_date
            order by exchange_rates.rate_date desc
        ) as age
    from wanted_rates
    inner join {{ source('live', 'exchange_rates') }} as exchange_rates
        on exchange_rates.currency = wanted_rates.currency
        and exchange_rates.rate_date <= wanted_rates.conversion_date
        and {{ days_between('exchange_rates.rate_date', 'wanted_rates.conversion_date') }} <= 7
    where wanted_rates.currency <> {{ quoted(var('reporting_currency')) }}
),

rates as (
    select currency, conversion_date, rate
    from known_rates
    where age = 1
    union all
    select distinct currency, conversion_date, cast(1 as {{ type_decimal(18, 9) }}) as rate
    from wanted_rates
    where currency = {{ quoted(var('reporting_currency')) }}
),
{%- endif %}

-- the linter loses count of indents where alternatives follow each other
-- noqa: disable=LT02
refunded as (
    select
        refunds.conversion_id,
        {%- if var('reporting_currency') %}
        sum(round({{ factor('refunds.value') }} * case when refunds.currency is null then 1 else rates.rate end, 6)) as value,
        max(case when refunds.currency is not null and rates.rate is null then 1 else 0 end) = 1 as lacks_rate,
        {%- else %}
        sum(refunds.value) as value,
        {%- endif %}
        max(case when refunds.value = 0 then 1 else 0 end) = 1 as takes_all
    from refunds
    {%- if var('reporting_currency') %}
    inner join counted on counted.conversion_id = refunds.conversion_id
    left join rates on rates.currency = refunds.currency and rates.conversion_date = counted.conversion_date
    {%- endif %}
    group by refunds.conversion_id
),

valued as (
    select
        counted.*,
        {%- if var('reporting_currency') %}
        case
            when counted.currency is null then counted.value
            else cast(round({{ factor('counted.value') }} * rates.rate, 6) as {{ type_decimal(18, 6) }})
        end as own_value
        {%- else %}
        counted.value as own_value
        {%- endif %}
    from counted
    {%- if var('reporting_currency') %}
    left join rates on rates.currency = counted.currency and rates.conversion_date = counted.conversion_date
    {%- endif %}
),

conversions as (
    select
        valued.conversion_id,
        valued.conversion_event,
        valued.person_id,
        valued.device_id,
        valued.session_key,
        valued.conversion_at,
        valued.conversion_date,
        cast(
            case
                when refunded.conversion_id is null or valued.own_value is null then valued.own_value
                when refunded.takes_all then 0
                {%- if var('reporting_currency') %}
                when refunded.lacks_rate then null
                {%- endif %}
                else greatest(valued.own_value - refunded.value, 0)
            end as {{ type_decimal(18, 6) }}
        ) as conversion_value,
        {%- if var('reporting_currency') %}
        cast({{ quoted(var('reporting_currency')) }} as {{ type_text() }}) as currency,
        {%- else %}
        valued.currency,
        {%- endif %}
        valued.transaction_id
    from valued
    left join refunded on refunded.conversion_id = valued.conversion_id
)

select * from conversions
