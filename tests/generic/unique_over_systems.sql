{#-
    Fails on every combination of `columns` that occurs more than once, NULLs being equal,
    and names the systems. An id that two systems use for different things joins wrongly:
    one of them needs a prefix of its own, in its adapter or its export.
-#}
{% test unique_over_systems(model, columns) %}

select
    {{ columns | join(', ') }},
    min(source_system) as one_system,
    max(source_system) as other_system,
    count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
