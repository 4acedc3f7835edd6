{#- GA4's export on BigQuery, read where it lies: the rows that `sources/ga4_export.py` and `sources/statement.py` make of its files, to the last
    column. Of one engine, as the export is. -#}

{#- `export` holds: table (project.dataset.name), kind (export_daily or export_intraday), fields (of the table, each with name, type, mode and its own
    fields: old tables and new ones differ). Each row is an event, or has the reason why it is none. -#}
{% macro exported_events(export) %}
    with exported as (
        select
            raw as whole_row,
            nullif({{ exported_column(export, 'event_name') }}, '') as event_name,
            {{ exported_column(export, 'event_timestamp', 'int64') }} as microseconds,
            nullif({{ exported_column(export, 'user_pseudo_id') }}, '') as user_pseudo_id,
            nullif({{ exported_column(export, 'user_id') }}, '') as user_id,
            coalesce(nullif({{ exported_column(export, 'stream_id') }}, ''), 'default') as stream_id,
            {{ exported_column(export, 'batch_page_id', 'int64') }} as batch_page_id,
            {{ exported_column(export, 'batch_ordering_id', 'int64') }} as batch_ordering_id,
            {{ exported_column(export, 'batch_event_index', 'int64') }} as batch_event_index,
            {%- for name, path in exported_sources().items() %}
            {{ tidied(exported_column(export, path), name) }} as {{ name }},
            {%- endfor %}
            coalesce(
                {%- for path in exported_channels() %}
                {{ exported_column(export, path) }},
                {%- endfor %}
                null
            ) as exported_channel,
            {{ exported_column(export, 'ecommerce.transaction_id') }} as ecommerce_transaction_id,
            case
                when raw.event_name = 'refund' and {{ exported_field(export, 'ecommerce.refund_value') is not none }}
                    then {{ exported_column(export, 'ecommerce.refund_value', 'float64') }}
                else {{ exported_column(export, 'ecommerce.purchase_revenue', 'float64') }}
            end as revenue,
            {%- set items = exported_field(export, 'items') %}
            {{ spelt('raw.items', items) if items else 'cast(null as string)' }} as items,
            {%- for name in exported_params() %}
            {{ exported_param(name) }} as param_{{ name }},
            {%- endfor %}
            {{ exported_params_json() }} as params,
            {{ spelt_object('raw', export.fields | rejectattr('name', 'in', exported_as_they_are()) | list) }} as rest
        from `{{ export.table }}` as raw
    ),

    -- an address is taken apart once
    addressed as (
        select
            *,
            nullif(param_page_location, '') as page_location,
            nullif(param_page_referrer, '') as page_referrer,
            nullif(exported_channel, '') as ga4_channel,
            '&' || regexp_extract(param_page_location, r'^[^?#]*\?([^#]*)') as query
        from exported
    ),

    asked as (
        select
            *,
            {%- for name in tag_names() + click_id_names() %}
            {{ tidied(decoded(name if name in click_id_names() else 'utm_' ~ name), name) }} as query_{{ name }},
            {%- endfor %}
            coalesce(batch_ordering_id, 0) <= 1 as is_landing,
            case
                when microseconds between -62135596800000000 and 253402300799999999 then timestamp_micros(microseconds)
            end as event_timestamp,
            {{ whole('param_ga_session_id') }} as ga_session_id,
            {{ whole('param_ga_session_number') }} as ga_session_number,
            coalesce({{ double_text('revenue') }}, nullif(param_value, '')) as value_text,
            {{ set_text('param_currency') }} as currency,
            {{ exported_transaction() }} as transaction_id
        from addressed
    ),

    told as (
        select
            *,
            case
                when column_source is not null or column_medium is not null or column_campaign is not null then 'column'
                when param_source is not null or param_medium is not null or param_campaign is not null then 'param'
                when is_landing and (query_source is not null or query_medium is not null or query_campaign is not null) then 'query'
            end as place,
            coalesce(user_pseudo_id, 'user:' || user_id, 'session:' || cast(ga_session_id as string)) as device_id,
            -- rounded from all its digits: NUMERIC would have rounded them before
            case
                when value_text is null or lower(value_text) = 'nan' then numeric '0'
                when regexp_contains(value_text, r'^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$')
                    then safe_cast(round(safe_cast(value_text as bignumeric), 6) as numeric)
            end as value
        from asked
    ),

    events as (
        select
            to_hex(sha256(concat(
                {%- for part in exported_id_parts() %}
                {{ measured(part) }}{{ "," if not loop.last }}
                {%- endfor %}
            ))) as event_id,
            stream_id,
            '{{ export.kind }}' as source_kind,
            event_name,
            event_timestamp,
            user_pseudo_id,
            user_id,
            ga_session_id,
            ga_session_number,
            batch_page_id,
            batch_ordering_id,
            batch_event_index,
            page_location,
            page_referrer,
            {%- for name in tag_names() %}
            case place when 'column' then column_{{ name }} when 'param' then param_{{ name }} when 'query' then query_{{ name }} end as {{ name }},
            {%- endfor %}
            {%- for name in click_id_names() %}
            coalesce({{ 'column_' ~ name ~ ', ' if name in ('gclid', 'dclid', 'srsltid') }}param_{{ name }}, if(is_landing, query_{{ name }}, null)) as {{ name }},
            {%- endfor %}
            column_first_user_source as first_user_source,
            column_first_user_medium as first_user_medium,
            column_first_user_campaign as first_user_campaign,
            ga4_channel,
            value,
            currency,
            transaction_id,
            items,
            params,
            current_timestamp() as received_at,
            device_id,
            {{ registrable('page_location') }} as page_domain,
            {{ host('page_referrer') }} as referrer_host,
            {{ registrable('page_referrer') }} as referrer_domain,
            coalesce(param_session_engaged in ('1', 'true'), false) as is_engaged,
            (
                {%- for name in ['source', 'medium', 'campaign'] + click_id_names() %}
                query_{{ name }} is not null{{ " or" if not loop.last }}
                {%- endfor %}
            ) as page_is_tagged,
            microseconds,
            rest,
            whole_row,
            {{ exported_refusal() }} as refusal
        from told
    )

    select
        event_id, stream_id, source_kind, event_name, event_timestamp, user_pseudo_id, user_id, ga_session_id, ga_session_number, batch_page_id,
        batch_ordering_id, batch_event_index, page_location, page_referrer, {{ (tag_names() + click_id_names()) | join(', ') }}, first_user_source,
        first_user_medium, first_user_campaign, ga4_channel, value, currency, transaction_id, items,
        case
            when rest is null then params
            else coalesce(left(params, length(params) - 1) || ',', '{') || '"_export":' || rest || '}'
        end as params,
        received_at, device_id, page_domain, referrer_host, referrer_domain,
        {{ registrable_source('source') }} as source_domain,
        {{ registrable_source('first_user_source') }} as first_user_domain,
        page_is_tagged, is_engaged,
        {{ exported_payload_hash() }} as payload_hash,
        refusal[offset(0)] as reason,
        refusal[offset(1)] as detail,
        case when refusal is not null then to_json_string(whole_row) end as original
    from events
{% endmacro %}

{#- The first reason against a row, and its detail: `statement._refusal`. -#}
{% macro exported_refusal() -%}
    {%- set texts = ['event_name', 'user_pseudo_id', 'user_id', 'stream_id', 'page_location', 'page_referrer', 'ga4_channel', 'value_text', 'currency',
        'transaction_id', 'param_ga_session_id', 'param_ga_session_number'] + exported_sources().keys() | list -%}
    case
        when regexp_contains(concat({% for text in texts %}coalesce({{ text }}, ''){{ ", " if not loop.last }}{% endfor %}), r'\x00')
            or regexp_contains(concat(coalesce(params, ''), coalesce(items, ''), coalesce(rest, '')), r'(^|[^\\])(\\\\)*\\u0000')
            then ['nul_character', 'a text holds the character NUL, which PostgreSQL cannot store']
        when event_name is null then ['missing_event_name', 'event_name is missing']
        when microseconds is null then ['missing_timestamp', 'event_timestamp is missing']
        when event_timestamp is null
            then ['invalid_timestamp', 'event_timestamp is neither ISO 8601 nor whole microseconds: ' || cast(microseconds as string)]
        when event_timestamp > timestamp_add(current_timestamp(), interval 10 minute)
            then ['timestamp_in_future', 'event_timestamp is more than 10 minutes in the future: ' || cast(microseconds as string)]
        {%- for name in ['ga_session_id', 'ga_session_number'] %}
        when param_{{ name }} <> '' and {{ name }} is null
            then ['invalid_number', '{{ name }} is not a whole number of 64 bits: ' || param_{{ name }}]
        {%- endfor %}
        when value is null or abs(value) >= 1000000000000 then ['invalid_number', 'value is not a number below 10^12: ' || value_text]
        when device_id is null then ['no_identity', 'user_pseudo_id, user_id and ga_session_id are all missing']
    end
{%- endmacro %}

{#- `event.payload_hash`: 63 bits of an MD5, whose last eight bytes are read from the right. NUL parts the columns. -#}
{% macro exported_payload_hash() -%}
    {%- set said = ['event_name', 'cast(microseconds as string)', 'user_pseudo_id', 'user_id', 'cast(ga_session_id as string)',
        'cast(ga_session_number as string)', 'cast(batch_page_id as string)', 'cast(batch_ordering_id as string)',
        'cast(batch_event_index as string)', 'page_location', 'page_referrer'] + tag_names() + click_id_names() + ['first_user_source',
        'first_user_medium', 'first_user_campaign', 'ga4_channel', "format('%.6f', value)", 'currency', 'transaction_id', 'items', 'params'] -%}
    (
        select
            (cast('0x' || {{ digits([31, 29, 27, 25]) }} as int64) << 31)
            | (cast('0x' || {{ digits([23, 21, 19, 17]) }} as int64) >> 1)
        from (
            select to_hex(md5(concat(
                {%- for one in said %}
                coalesce({{ one }}, ''){{ ", code_points_to_string([0])," if not loop.last }}
                {%- endfor %}
            ))) as hex
        ) as digest
    )
{%- endmacro %}

{% macro digits(places) -%}
    {%- for place in places %}substr(digest.hex, {{ place }}, 2){{ " || " if not loop.last }}{% endfor -%}
{%- endmacro %}

{#- `event.event_id`: each part behind its length. -#}
{% macro measured(part) -%}
    coalesce(cast(byte_length({{ part }}) as string) || ':' || {{ part }}, '-')
{%- endmacro %}

{% macro exported_transaction() -%}
    {{ set_text('coalesce(' ~ set_text('ecommerce_transaction_id') ~ ', param_transaction_id)') }}
{%- endmacro %}

{% macro exported_id_parts() %}
    {{ return([
        'stream_id',
        'coalesce(user_pseudo_id, user_id, cast(ga_session_id as string))',
        'event_name',
        'cast(microseconds as string)',
        'cast(batch_page_id as string)',
        'cast(batch_ordering_id as string)',
        'cast(batch_event_index as string)',
        'transaction_id',
        'params',
    ]) }}
{% endmacro %}
