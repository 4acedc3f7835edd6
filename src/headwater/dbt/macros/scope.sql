{#- The same models make a full build and an incremental one. They differ here alone: in an incremental build the staging models read
    the events of the devices in scope only, so everything behind them is made of the persons that new events touch. -#}

{% macro is_incremental_build() %}
    {{ return(not flags.FULL_REFRESH) }}
{% endmacro %}

{% macro device_in_scope() %}
    {%- if is_incremental_build() -%}
        device_id in (select device_id from {{ ref('scope_devices') }})
    {%- else -%}
        true
    {%- endif -%}
{% endmacro %}

{#- Batches that arrive while a build runs wait for the next one: every model sees the same events. -#}
{% macro arrived() %}
    batch_id <= (select to_batch from {{ source('build', 'headwater_window') }})
{% endmacro %}
