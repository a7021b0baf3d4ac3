{#-
    A text as a UTC timestamp, NULL where it cannot be read. An offset in the text is
    honoured (a plain cast would drop it and keep the local clock); a text without one
    is UTC.
-#}
{% macro read_timestamp(expression) -%}
    {{ return(adapter.dispatch('read_timestamp')(expression)) }}
{%- endmacro %}

{% macro default__read_timestamp(expression) -%}
    (try_cast({{ expression }} as timestamptz) at time zone 'UTC')
{%- endmacro %}
