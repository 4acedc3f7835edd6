{#- What lies where in GA4's export on BigQuery: its columns, and what is a param of an event. -#}

{#- `ga4_columns.CANONICAL`: what has columns of its own. -#}
{% macro exported_as_they_are() %}
    {{ return([
        'event_name', 'user_pseudo_id', 'user_id', 'stream_id', 'event_timestamp', 'batch_page_id', 'batch_ordering_id', 'batch_event_index',
        'event_params', 'items', 'traffic_source',
    ]) }}
{% endmacro %}

{% macro tag_names() %}{{ return(['source', 'medium', 'campaign', 'term', 'content']) }}{% endmacro %}

{% macro click_id_names() %}
    {{ return(['gclid', 'dclid', 'gbraid', 'wbraid', 'srsltid', 'msclkid', 'fbclid', 'ttclid']) }}
{% endmacro %}

{#- By the name that the canonical column has behind `column_`: where it lies in the export. -#}
{% macro exported_sources() %}
    {{ return({
        'column_source': 'collected_traffic_source.manual_source',
        'column_medium': 'collected_traffic_source.manual_medium',
        'column_campaign': 'collected_traffic_source.manual_campaign_name',
        'column_term': 'collected_traffic_source.manual_term',
        'column_content': 'collected_traffic_source.manual_content',
        'column_gclid': 'collected_traffic_source.gclid',
        'column_dclid': 'collected_traffic_source.dclid',
        'column_srsltid': 'collected_traffic_source.srsltid',
        'column_first_user_source': 'traffic_source.source',
        'column_first_user_medium': 'traffic_source.medium',
        'column_first_user_campaign': 'traffic_source.name',
    }) }}
{% endmacro %}

{% macro exported_channels() %}
    {{ return([
        'session_traffic_source_last_click.cross_channel_campaign.default_channel_group',
        'session_traffic_source_last_click.default_channel_group',
        'session_traffic_source_last_click.google_ads_campaign.default_channel_group',
    ]) }}
{% endmacro %}

{% macro exported_params() %}
    {{ return(
        ['page_location', 'page_referrer', 'ga_session_id', 'ga_session_number', 'currency', 'value', 'transaction_id', 'session_engaged']
        + tag_names() + click_id_names()
    ) }}
{% endmacro %}

{#- Not every export has it, nor as the same type: Google's public sample counts its streams in whole numbers. -#}
{% macro exported_column(export, path, type='string') -%}
    {%- set field = exported_field(export, path) -%}
    {%- if not field -%}
        cast(null as {{ type }})
    {%- elif field.type in {'string': ['STRING'], 'int64': ['INTEGER', 'INT64'], 'float64': ['FLOAT', 'FLOAT64']}[type] -%}
        raw.{{ path }}
    {%- else -%}
        cast(raw.{{ path }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{#- What the table's schema says of a column, or of a field within one; none where it has no such. -#}
{% macro exported_field(export, path) %}
    {%- set found = namespace(field={'fields': export.fields}) -%}
    {%- for name in path.split('.') -%}
        {%- set found.field = ((found.field or {}).get('fields') or []) | selectattr('name', 'equalto', name) | first | default(none) -%}
    {%- endfor -%}
    {{ return(found.field) }}
{% endmacro %}

{#- The text of one of the event's params; of two with one name the first. -#}
{% macro exported_param(name) -%}
    {%- set text -%}
        (
            select
                coalesce(
                    param.value.string_value,
                    cast(param.value.int_value as string),
                    {{ double_text('param.value.float_value') }},
                    {{ double_text('param.value.double_value') }}
                )
            from unnest(raw.event_params) as param with offset as place
            where param.key = '{{ name }}'
            order by place
            limit 1
        )
    {%- endset -%}
    {{ tidied(text, name) if name in tag_names() + click_id_names() else text }}
{%- endmacro %}

{#- All params as one object in canonical spelling, its keys sorted. -#}
{% macro exported_params_json() -%}
    (
        select '{' || string_agg(to_json_string(entry.key) || ':' || entry.value, ',' order by entry.key) || '}'
        from (
            select
                coalesce(param.key, '') as key,
                case
                    when param.value.string_value is not null then to_json_string(param.value.string_value)
                    when param.value.int_value is not null then cast(param.value.int_value as string)
                    else coalesce({{ double_text('param.value.float_value') }}, {{ double_text('param.value.double_value') }}, 'null')
                end as value,
                row_number() over (partition by param.key order by place) as turn
            from unnest(raw.event_params) as param with offset as place
        ) as entry
        where entry.turn = 1
    )
{%- endmacro %}
