-- All that is known of the persons in scope: their events that this build has looked at, and what is kept of those before.
{{ config(materialized='view') }}

{%- set kept_events = ref('scope_kept_events') %}

with events as (
    select * from {{ ref('int_events') }}
),

history as (
    select
        {{ columns_of_events() }},
        0 as other_events,
        0 as other_page_views,
        cast(null as timestamp) as others_until,
        false as others_engaged
    from events
    {%- if is_incremental_build() %}
    union all
    select
        {{ columns_of_events() }},
        other_events,
        other_page_views,
        others_until,
        others_engaged
    from {{ kept_events }}
    {%- endif %}
)

select * from history
