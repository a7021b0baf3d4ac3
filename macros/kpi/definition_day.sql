{#-
    The day whose agreements count an event of this day: the day itself, or for all of
    history the as-of date, where var `restate_history`, else the environment's
    RESTATE_HISTORY, says so.
-#}
{% macro definition_day(day) -%}
    {%- set given = var('restate_history', none) -%}
    {%- if given is none -%}
        {%- set given = env_var('RESTATE_HISTORY', '0') == '1' -%}
    {%- endif -%}
    {{ as_of_date() if given else day }}
{%- endmacro %}
