{#-
    The last day that is in, as a date literal: var `as_of_date`, else the environment's
    AS_OF_DATE, else what landing recorded (a sample's own end), else today. The one
    place where the clock is read; no model does.
-#}
{% macro as_of_date() -%}
    {%- set given = var('as_of_date', none) or env_var('AS_OF_DATE', '') -%}
    {%- if not given and execute -%}
        {%- set landed = run_query(
            'select max(as_of_date) from ' ~ source('landing', 'context')
        ) -%}
        {%- set given = landed.columns[0].values()[0] -%}
    {%- endif -%}
    {%- if not given -%}
        {%- set zone = modules.pytz.timezone(var('business_time_zone')) -%}
        {%- set given = run_started_at.astimezone(zone).strftime('%Y-%m-%d') -%}
    {%- endif -%}
    cast('{{ modules.datetime.date.fromisoformat(given | string) }}' as date)
{%- endmacro %}
