{#- The columns of an event in its session. -#}
{% macro columns_of_events(prefix='', without=[]) -%}
    {%- set columns = [
        'stream_id', 'event_id', 'device_id', 'session_key', 'event_name', 'event_timestamp', 'batch_page_id', 'batch_ordering_id',
        'batch_event_index', 'user_id', 'page_location', 'is_engaged', 'said_by', 'said_source', 'said_medium', 'said_campaign',
        'said_domain', 'first_user_source', 'first_user_medium', 'first_user_campaign', 'first_user_domain', 'value', 'currency',
        'transaction_id', 'says_source', 'has_first_user', 'is_conversion',
    ] -%}
    {%- for column in columns | reject('in', without) -%}
        {{ ',\n    ' if not loop.first }}{{ prefix }}{{ column }}
    {%- endfor -%}
{%- endmacro %}
