-- All events of the orders in scope. Some lie with persons outside the scope: no change has touched them, so they are as they were published.
{%- set published_orders, scope_persons = source('live', 'published_orders'), ref('scope_persons') %}
{%- set columns %}
        event_key, event_id, stream_id, event_name, event_timestamp, batch_page_id, batch_ordering_id, batch_event_index,
        transaction_id, value, currency
{%- endset %}
with transactions as (
    select distinct transaction_id
    from {{ ref('stg_ga4_conversions') }}
    where transaction_id is not null
),

order_events as (
    select {{ columns }}
    from {{ ref('int_orders') }}
    where transaction_id in (select transaction_id from transactions)
    {%- if is_incremental_build() %}
    union all
    select {{ columns }}
    from {{ published_orders }}
    where transaction_id in (select transaction_id from transactions)
        and person_id not in (select person_id from {{ scope_persons }})
    {%- endif %}
)

select * from order_events
