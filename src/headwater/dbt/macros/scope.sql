{#- The same models make a full build and an incremental one. They differ here alone: in an incremental build the staging models read
    the events of the devices in scope only, so everything behind them is made of the persons that new events touch. What is published is looked at as a whole. -#}

{% macro is_incremental_build() %}
    {{ return(not flags.FULL_REFRESH and target.schema != var('live_schema')) }}
{% endmacro %}

{#- The raw events, streamed or loaded, that a build looks at. Both are named in any case: dbt asks once what a model depends on. -#}
{% macro loaded_events() %}
    {%- set all_events, events_in_scope = source('live', 'ga4_events_raw'), ref('scope_loaded_events') -%}
    {{ return(events_in_scope if is_incremental_build() else all_events) }}
{% endmacro %}

{% macro streamed_events() %}
    {%- set all_events, events_in_scope = source('live', 'events_streaming'), ref('scope_streamed_events') -%}
    {{ return(events_in_scope if is_incremental_build() else all_events) }}
{% endmacro %}

{#- The window of a build: batches after the first number and up to the second one are new to it. -#}
{% macro from_batch() -%}
    (select from_batch from {{ source('build', 'headwater_window') }})
{%- endmacro %}

{% macro to_batch() -%}
    (select to_batch from {{ source('build', 'headwater_window') }})
{%- endmacro %}

{#- Batches that arrive while a build runs wait for the next one: every model sees the same events. -#}
{% macro arrived() -%}
    batch_id <= {{ to_batch() }}
{%- endmacro %}

{% macro newly_arrived() -%}
    batch_id > {{ from_batch() }} and batch_id <= {{ to_batch() }}
{%- endmacro %}
