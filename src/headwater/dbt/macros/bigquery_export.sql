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

{#- A value in the one spelling of JSON (`as_json.as_json`), of whatever type it is; null for what is null or empty, at any depth. -#}
{% macro spelt(value, field) -%}
    {%- if field.mode == 'REPEATED' -%}
        {%- set entry = field.name ~ '_entry' -%}
        (
            select '[' || string_agg(spelt.text, ',' order by spelt.place) || ']'
            from (
                select {{ spelt_one(entry, field) }} as text, place
                from unnest({{ value }}) as {{ entry }} with offset as place
            ) as spelt
        )
    {%- else -%}
        {{ spelt_one(value, field) }}
    {%- endif -%}
{%- endmacro %}

{% macro spelt_one(value, field) -%}
    {%- if field.type in ('RECORD', 'STRUCT') -%}
        {{ spelt_object(value, field.fields) }}
    {%- elif field.type in ('FLOAT', 'FLOAT64') -%}
        {{ double_text(value) }}
    {%- elif field.type in ('INTEGER', 'INT64', 'BOOLEAN', 'BOOL', 'NUMERIC', 'BIGNUMERIC') -%}
        cast({{ value }} as string)
    {%- else -%}
        case when cast({{ value }} as string) <> '' then to_json_string(cast({{ value }} as string)) end
    {%- endif -%}
{%- endmacro %}

{#- Its keys sorted. -#}
{% macro spelt_object(value, fields) -%}
    nullif('{' || substr(concat(
        {%- for field in fields | sort(attribute='name', case_sensitive=true) %}
        coalesce(',"{{ field.name }}":' || {{ spelt(value ~ '.' ~ field.name, field) }}, ''){{ "," if not loop.last }}
        {%- else %}
        ''
        {%- endfor %}
    ), 2) || '}', '{}')
{%- endmacro %}

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

{#- A floating-point number as JSON has it: BigQuery writes whole ones without a point. -#}
{% macro double_text(number) -%}
    case
        when is_nan({{ number }}) or is_inf({{ number }}) then null
        else regexp_replace(cast({{ number }} as string), r'^(-?[0-9]+)$', r'\1.0')
    end
{%- endmacro %}

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

{#- Without blanks around it; null for a word that says nothing. source and medium are lower case. -#}
{% macro tidied(text, name) -%}
    {%- set trimmed = "trim(" ~ text ~ ", ' \\t\\n\\r\\x0b\\x0c')" -%}
    (
        select case
            when lower(tidy.text) in ('', '(not set)', '(data deleted)') then null
            else {{ 'lower(tidy.text)' if name.split('_')[-1] in ('source', 'medium') else 'tidy.text' }}
        end
        from (select {{ trimmed }} as text) as tidy
    )
{%- endmacro %}

{% macro set_text(text) -%}
    case when lower({{ text }}) in ('', '(not set)') then null else {{ text }} end
{%- endmacro %}

{#- A whole number of 64 bits that came as text. -#}
{% macro whole(text) -%}
    safe_cast(regexp_extract({{ text }}, r'^([+-]?[0-9]+)(?:\.0*)?$') as int64)
{%- endmacro %}

{#- A value of a page's query in plain text; one that is not UTF-8, or hides a NUL, stays as it stands. What is no UTF-8 becomes U+FFFD. -#}
{% macro decoded(key) -%}
    (
        select if(logical_or(parts.is_broken), any_value(parts.value), string_agg(parts.plain, '' order by parts.place))
        from (
            select
                runs.*,
                runs.plain is null
                or regexp_contains(runs.run, '%00')
                or (
                    regexp_contains(runs.plain, code_points_to_string([65533]))
                    and not regexp_contains(runs.run, code_points_to_string([65533]) || '|(?i)%EF%BF%BD')
                ) as is_broken
            from (
                select
                    found.value,
                    run,
                    place,
                    if(
                        starts_with(run, '%') and length(run) > 1,
                        safe_convert_bytes_to_string(from_hex(replace(run, '%', ''))),
                        run
                    ) as plain
                from (select regexp_extract(query, r'&{{ key }}=([^&]*)') as value) as found
                cross join
                    unnest(regexp_extract_all(replace(found.value, '+', ' '), r'(?:%[0-9A-Fa-f]{2})+|[^%]+|%')) as run
                    with offset as place
            ) as runs
        ) as parts
    )
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

{#- `domains.url_hosts` and its kin by BigQuery's own list of public suffixes, which is newer or older than ours. -#}
{% macro host(url) -%}
    case
        when regexp_contains({{ url }}, r'^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//')
            then regexp_replace(rtrim(lower(net.host({{ url }})), '.'), r'^www\.(.+\..+)$', r'\1')
    end
{%- endmacro %}

{% macro registrable(url) -%}
    case
        when regexp_contains({{ url }}, r'^\s*(?i:android-app:)') then {{ host(url) }}
        else {{ registrable_host(host(url)) }}
    end
{%- endmacro %}

{% macro registrable_host(host) -%}
    case
        when regexp_contains({{ host }}, r'^com\..*\.|\.android(?:\.app)?$') then {{ host }}
        else coalesce(net.reg_domain({{ host }}), {{ host }})
    end
{%- endmacro %}

{% macro registrable_source(source) -%}
    {%- set only_host = "regexp_replace(rtrim(lower(" ~ source ~ "), '.'), r'^www\\.(.+\\..+)$', r'\\1')" -%}
    case
        when regexp_contains({{ source }}, r'[^.\s]\.[^.\s]') and not regexp_contains({{ source }}, r'[\s/?#@:,;()\x22\x27]')
            then {{ registrable_host(only_host) }}
    end
{%- endmacro %}
