{#- The texts of `expression`, in its own order, separated by ", ". -#}
{% macro list_agg(expression) -%}
    {{ return(adapter.dispatch('list_agg')(expression)) }}
{%- endmacro %}

{% macro default__list_agg(expression) -%}
    string_agg({{ expression }}, ', ' order by {{ expression }})
{%- endmacro %}

{% macro spark__list_agg(expression) -%}
    listagg({{ expression }}, ', ') within group (order by {{ expression }})
{%- endmacro %}
