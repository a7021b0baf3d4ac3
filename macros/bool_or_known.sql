{#-
    An aggregate: true if any value is true, false if all that are known are false, else
    NULL.
-#}
{% macro bool_or_known(expression) -%}
    max(case when {{ expression }} then 1 when not {{ expression }} then 0 end) = 1
{%- endmacro %}
