{#-
    The name of the 8-byte floating point type, as contracts spell it (var
    `double_type`).
-#}
{% macro type_double() -%}
    {{ var('double_type') }}
{%- endmacro %}
