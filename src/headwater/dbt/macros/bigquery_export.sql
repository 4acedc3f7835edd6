{#- GA4's export on BigQuery, read where it lies: the canonical columns of its rows, as `sources/ga4_export.py` and `sources/statement.py` make them of
    its files. Of one engine, as the export is. -#}

{#- `export` holds: dataset (project.dataset), columns (which of the columns and fields below its newest table has: old tables and new ones differ),
    first and last (days as they end the names of its tables: constants, so that no other table is read), now (a timestamp).
    `kind` is export_daily or export_intraday. -#}
{% macro exported_events(export, kind) %}
    with exported as (
        select
            {{ exported_column(export, 'event_name') }} as event_name,
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
            ) as ga4_channel,
            {{ exported_column(export, 'ecommerce.transaction_id') }} as ecommerce_transaction_id,
            case
                when event_name = 'refund' and {{ 'ecommerce.refund_value' in export.columns }}
                    then {{ exported_column(export, 'ecommerce.refund_value', 'float64') }}
                else {{ exported_column(export, 'ecommerce.purchase_revenue', 'float64') }}
            end as revenue,
            {%- if 'items' in export.columns %}
            case when array_length(items) > 0 then to_json_string(items) end as items,
            {%- else %}
            cast(null as string) as items,
            {%- endif %}
            {%- for name in exported_params() %}
            {{ exported_param(name) }} as param_{{ name }},
            {%- endfor %}
            {{ exported_params_json() }} as params
        from `{{ export.dataset }}.events_{{ 'intraday_' if kind == 'export_intraday' }}*`
        where _table_suffix between '{{ export.first }}' and '{{ export.last }}'
    ),

    -- an address is taken apart once
    addressed as (
        select
            *,
            nullif(param_page_location, '') as page_location,
            nullif(param_page_referrer, '') as page_referrer,
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
            {{ whole('param_ga_session_id') }} as ga_session_id,
            {{ whole('param_ga_session_number') }} as ga_session_number,
            coalesce({{ double_text('revenue') }}, nullif(param_value, '')) as value_text
        from addressed
    ),

    told as (
        select
            *,
            case
                when column_source is not null or column_medium is not null or column_campaign is not null then 'column'
                when param_source is not null or param_medium is not null or param_campaign is not null then 'param'
                when is_landing and (query_source is not null or query_medium is not null or query_campaign is not null) then 'query'
            end as place
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
            '{{ kind }}' as source_kind,
            event_name,
            timestamp_micros(microseconds) as event_timestamp,
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
            nullif(ga4_channel, '') as ga4_channel,
            -- rounded from all its digits: NUMERIC would have rounded them before
            case
                when value_text is null or lower(value_text) = 'nan' then numeric '0'
                else cast(round(safe_cast(value_text as bignumeric), 6) as numeric)
            end as value,
            {{ set_text('param_currency') }} as currency,
            {{ exported_transaction() }} as transaction_id,
            items,
            params,
            {{ export.now }} as received_at,
            coalesce(user_pseudo_id, 'user:' || user_id, 'session:' || cast(ga_session_id as string)) as device_id,
            {{ registrable('page_location') }} as page_domain,
            {{ host('page_referrer') }} as referrer_host,
            {{ registrable('page_referrer') }} as referrer_domain,
            (coalesce(param_ga_session_id, '') = '' or ga_session_id is not null)
            and (coalesce(param_ga_session_number, '') = '' or ga_session_number is not null) as numbers_are_whole,
            coalesce(param_session_engaged in ('1', 'true'), false) as is_engaged,
            (
                {%- for name in ['source', 'medium', 'campaign'] + click_id_names() %}
                query_{{ name }} is not null{{ " or" if not loop.last }}
                {%- endfor %}
            ) as page_is_tagged
        from told
    )

    -- What can be no event stays where it lies. Rows of one id are one event, and nothing says which of them came first.
    select
        event_id, stream_id, source_kind, event_name, event_timestamp, user_pseudo_id, user_id, ga_session_id, ga_session_number, batch_page_id,
        batch_ordering_id, batch_event_index, page_location, page_referrer, {{ (tag_names() + click_id_names()) | join(', ') }}, first_user_source,
        first_user_medium, first_user_campaign, ga4_channel, value, currency, transaction_id, items, params, received_at, device_id, page_domain,
        referrer_host, referrer_domain,
        {{ registrable_source('source') }} as source_domain,
        {{ registrable_source('first_user_source') }} as first_user_domain,
        page_is_tagged, is_engaged
    from events
    where event_name <> ''
        and event_timestamp <= timestamp_add({{ export.now }}, interval 10 minute)
        and device_id is not null
        and abs(value) < 1000000000000
        and numbers_are_whole
    qualify row_number() over (partition by stream_id, event_id order by value, currency, items) = 1
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

{% macro exported_column(export, path, type='string') -%}
    {{ path if path in export.columns else 'cast(null as ' ~ type ~ ')' }}
{%- endmacro %}

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
            from unnest(event_params) as param with offset as place
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
            from unnest(event_params) as param with offset as place
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
        exported_transaction(),
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
