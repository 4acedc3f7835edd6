{#- All that differs between engines. -#}

{#- The local date of a UTC timestamp. -#}
{% macro local_date(timestamp) %}
    {%- if var('timezone') == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        {{ return(adapter.dispatch('local_date', 'headwater')(timestamp)) }}
    {%- endif -%}
{% endmacro %}

{% macro default__local_date(timestamp) -%}
    cast(timezone('{{ var("timezone") }}', timezone('UTC', {{ timestamp }})) as date)
{%- endmacro %}

{#- Microseconds since 1970. -#}
{% macro microseconds(timestamp) %}
    {{ return(adapter.dispatch('microseconds', 'headwater')(timestamp)) }}
{% endmacro %}

{% macro duckdb__microseconds(timestamp) -%}
    epoch_us({{ timestamp }})
{%- endmacro %}

{% macro postgres__microseconds(timestamp) -%}
    cast(extract(epoch from {{ timestamp }}) * 1000000 as bigint)
{%- endmacro %}

{#- Whether the whole of a lower-case text matches a pattern. -#}
{% macro matches(text, pattern) %}
    {{ return(adapter.dispatch('matches', 'headwater')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern | replace("'", "''") }}', 'i')
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    {{ text }} ~* '{{ pattern | replace("'", "''") }}'
{%- endmacro %}

{#- Whole-number division, towards zero, of numbers beyond 64 bits. -#}
{% macro whole_number(expression) %}
    {{ return(adapter.dispatch('whole_number', 'headwater')(expression)) }}
{% endmacro %}

{% macro duckdb__whole_number(expression) -%}
    cast({{ expression }} as hugeint)
{%- endmacro %}

{% macro postgres__whole_number(expression) -%}
    cast({{ expression }} as numeric)
{%- endmacro %}

{% macro divide_whole(dividend, divisor) %}
    {{ return(adapter.dispatch('divide_whole', 'headwater')(dividend, divisor)) }}
{% endmacro %}

{% macro duckdb__divide_whole(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{% macro postgres__divide_whole(dividend, divisor) -%}
    div({{ dividend }}, {{ divisor }})
{%- endmacro %}

{#- The rows of a raw table whose column holds one of the values. DuckDB finds their places by that column, and reads the others there only: that pays
    where they are few. -#}
{% macro rows_with(raw, column, values) %}
    {{ return(adapter.dispatch('rows_with', 'headwater')(raw, column, values)) }}
{% endmacro %}

{% macro default__rows_with(raw, column, values) -%}
    {{ column }} in (select {{ column }} from {{ values }})
{%- endmacro %}

{% macro duckdb__rows_with(raw, column, values) -%}
    {%- set few = headwater.default__rows_with(raw, column, values) -%}
    {%- if is_incremental_build() -%} rowid in (select rowid from {{ raw }} where {{ few }}) {%- else -%} {{ few }} {%- endif -%}
{%- endmacro %}

{#- Fresh tables have no statistics, and PostgreSQL plans badly without them. -#}
{% macro analyze_table() %}
    {{ return(adapter.dispatch('analyze_table', 'headwater')()) }}
{% endmacro %}

{% macro default__analyze_table() %}{% endmacro %}

{% macro postgres__analyze_table() %}
    {%- if model.config.materialized == 'table' -%} analyze {{ this }} {%- endif -%}
{% endmacro %}
