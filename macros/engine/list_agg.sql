{#- Texts of a group in one, sorted, with a separator between them. -#}
{% macro list_agg(expression, separator=' ') -%}
    {{ return(adapter.dispatch('list_agg')(expression, separator)) }}
{%- endmacro %}

{% macro default__list_agg(expression, separator) -%}
    string_agg({{ expression }}, '{{ separator }}' order by {{ expression }})
{%- endmacro %}

{% macro spark__list_agg(expression, separator) -%}
    listagg({{ expression }}, '{{ separator }}') within group (order by {{ expression }})
{%- endmacro %}
