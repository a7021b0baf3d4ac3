{#-
    A code as the mapping seeds spell it: lower case, without blanks around it; NULL if
    empty.
-#}
{% macro code_key(expression) -%}
    nullif(lower(trim({{ expression }})), '')
{%- endmacro %}
