{#-
    Fails on each of `columns` that is NULL in some row: one look at the table for all of
    them. Where only one column is asked about, dbt's own not_null does the same.
-#}
{% test no_nulls(model, columns) %}

with

counted as (

    select
        {%- for column in columns %}
        sum(case when {{ column }} is null then 1 else 0 end) as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

)

{% for column in columns %}
select
    '{{ column }}' as column_name,
    {{ column }} as null_rows
from counted
where {{ column }} > 0
{{ 'union all' if not loop.last }}
{% endfor %}

{% endtest %}
