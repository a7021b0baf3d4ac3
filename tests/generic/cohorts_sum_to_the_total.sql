{#-
    Fails on every combination of `keys` whose `counts`, added up over the rows of
    `model`, differ from those of its row in `total`.
-#}
{% test cohorts_sum_to_the_total(model, total, keys, counts) %}

with

parts as (

    select
        {{ keys | join(', ') }},
        {%- for column in counts %}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    group by {{ keys | join(', ') }}

)

select
    {%- for key in keys %}
    coalesce(totals.{{ key }}, parts.{{ key }}) as {{ key }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from {{ total }} as totals
full outer join parts
    on {% for key in keys -%}
    totals.{{ key }} = parts.{{ key }}
    {%- if not loop.last %} and {% endif %}{% endfor %}
where
    {% for column in counts -%}
    coalesce(totals.{{ column }}, -1) <> coalesce(parts.{{ column }}, -1)
    {%- if not loop.last %} or {% endif %}{% endfor %}

{% endtest %}
