{#- Seconds since 1970-01-01 UTC of a timestamp, with fractions. -#}
{% macro epoch_seconds(expression) -%}
    {{ return(adapter.dispatch('epoch_seconds')(expression)) }}
{%- endmacro %}

{% macro default__epoch_seconds(expression) -%}
    epoch({{ expression }})
{%- endmacro %}

{% macro postgres__epoch_seconds(expression) -%}
    extract(epoch from {{ expression }})
{%- endmacro %}

{% macro spark__epoch_seconds(expression) -%}
    (unix_micros({{ expression }}) / 1000000.0)
{%- endmacro %}
