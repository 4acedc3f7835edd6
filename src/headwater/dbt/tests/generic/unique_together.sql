{#- No two rows share the columns; nulls are taken as equal. -#}
{% test unique_together(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as n
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
