{#- Fails unless the model has exactly one row, as a cross join with it takes for granted. -#}
{% test one_row(model) %}

select count(*) as row_count
from {{ model }}
having count(*) <> 1

{% endtest %}
