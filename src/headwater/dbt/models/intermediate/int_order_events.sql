-- All events of the orders in scope. Some may lie with persons outside the scope, so they are read from the raw tables.
with transactions as (
    select distinct transaction_id
    from {{ ref('stg_ga4_conversions') }}
    where transaction_id is not null
),

loaded as (
    {{ rows_that_count(source('live', 'ga4_events_raw'), 'raw.transaction_id in (select transaction_id from transactions)') }}
),

streamed as (
    {{ rows_that_count(source('live', 'events_streaming'), 'raw.transaction_id in (select transaction_id from transactions)') }}
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
