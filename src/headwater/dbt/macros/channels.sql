{#- The first channel rule that holds. Rules come from the settings and from channel_rules.csv, each a set of patterns that all must match. -#}
{% macro first_rule(result) -%}
    case
        {%- for rule in var('channel_rules') %}
        when true
            {%- if rule.source_category %} and source_category = {{ quoted(rule.source_category) }}{% endif %}
            {%- if rule.source %} and {{ matches("source_text", rule.source) }}{% endif %}
            {%- if rule.medium %} and {{ matches("medium_text", rule.medium) }}{% endif %}
            {%- if rule.campaign %} and {{ matches("campaign_text", rule.campaign) }}{% endif %}
            {%- if rule.periods is not none %} and {% if rule.periods %}period in ({{ rule.periods | join(', ') }}){% else %}false{% endif %}{% endif %}
            then {{ quoted(rule[result]) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- Dated rules cut time into periods in which the same rules hold: the number of a date's period. -#}
{% macro rule_period(date) -%}
    {%- set starts = var('channel_period_starts') -%}
    {%- if starts -%}
        case
            {%- for start in starts | reverse %}
            when {{ date }} >= date '{{ start }}' then {{ starts | length - loop.index0 }}
            {%- endfor %}
            else 0
        end
    {%- else -%}
        0
    {%- endif -%}
{%- endmacro %}
