-- All events of the orders in scope. Some may lie with persons outside the scope, so they are read from the raw tables.
{%- set columns %}
        stream_id, source_kind, event_id, event_name, event_timestamp, batch_page_id, batch_ordering_id, batch_event_index,
        transaction_id, value, currency, batch_id
{%- endset %}
with transactions as (
    select distinct transaction_id
    from {{ ref('stg_ga4_conversions') }}
    where transaction_id is not null
),

-- found first, judged then: the other way round, a planner may judge all of history
loaded_of_orders as {{ materialized() }}(
    select {{ columns }}
    from {{ source('live', 'ga4_events_raw') }}
    where {{ of_any_day() }}
        and {{ rows_with(source('live', 'ga4_events_raw'), 'transaction_id', 'transactions') }}
),

streamed_of_orders as {{ materialized() }}(
    select {{ columns }}
    from {{ source('live', 'events_streaming') }}
    where {{ of_any_day() }}
        and {{ rows_with(source('live', 'events_streaming'), 'transaction_id', 'transactions') }}
),

loaded as (
    {{ rows_that_count('loaded_of_orders') }}
),

streamed as (
    {{ rows_that_count('streamed_of_orders') }}
),

counted as (
    select * from loaded
    union all
    select * from streamed
),

order_events as (
    select
        {{ event_key('counted_stream_id', 'event_id') }} as event_key,
        event_id,
        counted_stream_id as stream_id,
        event_name,
        event_timestamp,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        transaction_id,
        value,
        currency
    from counted
    where {{ one_of('event_name', var('conversion_events') + ['refund']) }}
)

select * from order_events
