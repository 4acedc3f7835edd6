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

{% macro bigquery__local_date(timestamp) -%}
    date({{ timestamp }}, '{{ var("timezone") }}')
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

{% macro bigquery__microseconds(timestamp) -%}
    unix_micros({{ timestamp }})
{%- endmacro %}

{#- The time that comes a number of minutes, days … after another. Never before one: BigQuery knows no time before the year 1. -#}
{% macro later(timestamp, number, unit) %}
    {{ return(adapter.dispatch('later', 'headwater')(timestamp, number, unit)) }}
{% endmacro %}

{% macro default__later(timestamp, number, unit) -%}
    {{ timestamp }} + interval '{{ number }} {{ unit }}s'
{%- endmacro %}

{% macro bigquery__later(timestamp, number, unit) -%}
    timestamp_add({{ timestamp }}, interval {{ number }} {{ unit }})
{%- endmacro %}

{#- Days from one date to another. -#}
{% macro days_between(first, last) %}
    {{ return(adapter.dispatch('days_between', 'headwater')(first, last)) }}
{% endmacro %}

{% macro default__days_between(first, last) -%}
    {{ last }} - {{ first }}
{%- endmacro %}

{% macro bigquery__days_between(first, last) -%}
    date_diff({{ last }}, {{ first }}, day)
{%- endmacro %}

{#- Settings hold what users typed: text reaches SQL as a quoted literal only. -#}
{% macro quoted(text) %}
    {{ return(adapter.dispatch('quoted', 'headwater')(text | string)) }}
{% endmacro %}

{% macro default__quoted(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro bigquery__quoted(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") | replace("\r", "\\r") }}'
{%- endmacro %}

{#- Whether the whole of a lower-case text matches a pattern. -#}
{% macro matches(text, pattern) %}
    {{ return(adapter.dispatch('matches', 'headwater')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ quoted(pattern) }}, 'i')
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    {{ text }} ~* {{ quoted(pattern) }}
{%- endmacro %}

{% macro bigquery__matches(text, pattern) -%}
    regexp_contains({{ text }}, {{ quoted('(?i)' ~ pattern) }})
{%- endmacro %}

{#- Names of types. BigQuery takes no digits in a cast: NUMERIC has 29 before the point and 9 behind it, BIGNUMERIC 38 and 38. -#}
{% macro type_text() %}
    {{ return(adapter.dispatch('type_text', 'headwater')()) }}
{% endmacro %}

{% macro default__type_text() %}varchar{% endmacro %}

{% macro bigquery__type_text() %}string{% endmacro %}

{% macro type_whole() %}
    {{ return(adapter.dispatch('type_whole', 'headwater')()) }}
{% endmacro %}

{% macro default__type_whole() %}bigint{% endmacro %}

{% macro bigquery__type_whole() %}int64{% endmacro %}

{% macro type_double() %}
    {{ return(adapter.dispatch('type_double', 'headwater')()) }}
{% endmacro %}

{% macro default__type_double() %}double precision{% endmacro %}

{% macro bigquery__type_double() %}float64{% endmacro %}

{#- JSON that is kept as it came: BigQuery's own type rounds numbers that it cannot hold. -#}
{% macro type_json() %}
    {{ return(adapter.dispatch('type_json', 'headwater')()) }}
{% endmacro %}

{% macro default__type_json() %}json{% endmacro %}

{% macro bigquery__type_json() %}string{% endmacro %}

{% macro type_decimal(precision, scale) %}
    {{ return(adapter.dispatch('type_decimal', 'headwater')(precision, scale)) }}
{% endmacro %}

{% macro default__type_decimal(precision, scale) -%}
    decimal({{ precision }}, {{ scale }})
{%- endmacro %}

{% macro bigquery__type_decimal(precision, scale) -%}
    {{ 'numeric' if scale <= 9 and precision - scale <= 29 else 'bignumeric' }}
{%- endmacro %}

{#- A decimal(18, 6) as the factor of an exact product with a decimal(18, 9): a decimal that is not wide enough keeps its width on some engines
    and overflows, or keeps its digits and rounds. -#}
{% macro factor(expression) %}
    {{ return(adapter.dispatch('factor', 'headwater')(expression)) }}
{% endmacro %}

{% macro default__factor(expression) -%}
    cast({{ expression }} as decimal(24, 6))
{%- endmacro %}

{% macro bigquery__factor(expression) -%}
    cast({{ expression }} as bignumeric)
{%- endmacro %}

{#- A whole number that may go beyond 64 bits. -#}
{% macro whole_number(expression) %}
    {{ return(adapter.dispatch('whole_number', 'headwater')(expression)) }}
{% endmacro %}

{% macro duckdb__whole_number(expression) -%}
    cast({{ expression }} as hugeint)
{%- endmacro %}

{% macro default__whole_number(expression) -%}
    cast({{ expression }} as numeric)
{%- endmacro %}

{#- The share of a whole amount that a weight has in the sum of all weights: whole, cut off towards zero. -#}
{% macro share(amount, weight, weight_sum) %}
    {{ return(adapter.dispatch('share', 'headwater')(amount, weight, weight_sum)) }}
{% endmacro %}

{% macro duckdb__share(amount, weight, weight_sum) -%}
    (({{ whole_number(amount) }} * {{ weight }}) // {{ whole_number(weight_sum) }})
{%- endmacro %}

{% macro postgres__share(amount, weight, weight_sum) -%}
    div({{ whole_number(amount) }} * {{ weight }}, {{ whole_number(weight_sum) }})
{%- endmacro %}

{#- The product has up to 33 digits, where NUMERIC holds 29 before the point. So it is divided as on paper: what the sum of the weights goes into is
    shared out first, the rest in two turns of six digits. A division that leaves no rest is exact; `round` is for the stand-in of the tests, which
    divides NUMERIC as floating-point numbers. -#}
{% macro bigquery__share(amount, weight, weight_sum) -%}
    {%- set amount, weight_sum = whole_number(amount), whole_number(weight_sum) -%}
    {%- set high, low = whole_number('div(' ~ weight ~ ', 1000000)'), whole_number('mod(' ~ weight ~ ', 1000000)') -%}
    {%- set rest = 'mod(' ~ amount ~ ', ' ~ weight_sum ~ ')' -%}
    {%- set rest_of_high = 'mod(' ~ rest ~ ' * ' ~ high ~ ', ' ~ weight_sum ~ ')' -%}
    round(
            ({{ amount }} - {{ rest }}) / {{ weight_sum }} * {{ weight }}
            + ({{ rest }} * {{ high }} - {{ rest_of_high }}) / {{ weight_sum }} * 1000000
            + (
                {{ rest_of_high }} * 1000000 + {{ rest }} * {{ low }}
                - mod({{ rest_of_high }} * 1000000 + {{ rest }} * {{ low }}, {{ weight_sum }})
            ) / {{ weight_sum }}
        )
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

{#- Which rows of a raw table are of a device and a moment of the cuts, or of a later one. -#}
{% macro rows_since(raw, cuts) %}
    {{ return(adapter.dispatch('rows_since', 'headwater')(raw, cuts)) }}
{% endmacro %}

{% macro default__rows_since(raw, cuts) -%}
    device_id in (select device_id from {{ cuts }})
    and exists (
        select 1
        from {{ cuts }} as cuts
        where cuts.device_id = {{ raw.identifier }}.device_id and {{ raw.identifier }}.event_timestamp >= cuts.since_at
    )
{%- endmacro %}

{#- A join that has to hold `since_at` for its lesser side passes over what is older than all cuts; a condition does not. -#}
{% macro duckdb__rows_since(raw, cuts) -%}
    {%- if is_incremental_build() -%}
    rowid in (
        select found.rowid
        from {{ raw }} as found
        inner join {{ cuts }} as cuts on cuts.device_id = found.device_id and found.event_timestamp >= cuts.since_at
    )
    {%- else -%}
    {{ headwater.default__rows_since(raw, cuts) }}
    {%- endif -%}
{%- endmacro %}

{#- The raw tables lie in partitions by day on BigQuery, and take no query that does not say which of them it reads. -#}
{% macro of_any_day(column='event_timestamp') %}
    {{ return(adapter.dispatch('of_any_day', 'headwater')(column)) }}
{% endmacro %}

{% macro default__of_any_day(column) %}true{% endmacro %}

{% macro bigquery__of_any_day(column) -%}
    {{ column }} >= timestamp '0001-01-01 00:00:00+00'
{%- endmacro %}

{#- Which days of a raw table can hold what a tick looks for: `new` rows, ones that an export has newly `covered`, or those of the devices that are `touched`.
    A tick puts them in place of this as constants (transform/days.py); whoever else runs the statement reads any day. -#}
{% macro of_days(which, column='event_timestamp') %}
    {{ return(adapter.dispatch('of_days', 'headwater')(which, column)) }}
{% endmacro %}

{% macro default__of_days(which, column) %}true /* {{ which }} days */{% endmacro %}

{% macro bigquery__of_days(which, column) -%}
    {{ headwater.bigquery__of_any_day(column) }} /* {{ which }} days */
{%- endmacro %}

{#- How a table lies in storage, where that is for its maker to say: by day, and what is of one person or device together. -#}
{% macro storage(date=none, timestamp=none, cluster=none) %}
    {{ return(adapter.dispatch('storage', 'headwater')(date, timestamp, cluster)) }}
{% endmacro %}

{% macro default__storage(date, timestamp, cluster) %}{% endmacro %}

{% macro bigquery__storage(date, timestamp, cluster) -%}
    {%- if date -%}
        {{ config(partition_by={'field': date, 'data_type': 'date'}) }}
    {%- elif timestamp -%}
        {{ config(partition_by={'field': timestamp, 'data_type': 'timestamp', 'granularity': 'day'}) }}
    {%- endif -%}
    {{ config(cluster_by=[cluster]) }}
{%- endmacro %}

{#- Fresh tables have no statistics, and PostgreSQL plans badly without them. -#}
{% macro analyze_table() %}
    {{ return(adapter.dispatch('analyze_table', 'headwater')()) }}
{% endmacro %}

{% macro default__analyze_table() %}{% endmacro %}

{% macro postgres__analyze_table() %}
    {%- if model.config.materialized == 'table' -%} analyze {{ this }} {%- endif -%}
{% endmacro %}
