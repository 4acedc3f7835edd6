{#- How the reading of GA4's export writes and reads texts on BigQuery, as `values.py`, `sources/` and `domains.py` do in Python: JSON in its one
    spelling, numbers, tags, what a page's query says, and hosts. -#}

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

{#- A floating-point number as JSON has it: BigQuery writes whole ones without a point. -#}
{% macro double_text(number) -%}
    case
        when is_nan({{ number }}) or is_inf({{ number }}) then null
        else regexp_replace(cast({{ number }} as string), r'^(-?[0-9]+)$', r'\1.0')
    end
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
