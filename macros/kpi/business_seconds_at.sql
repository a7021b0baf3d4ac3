{#-
    Business seconds from the beginning of the calendar to a UTC timestamp: those before
    its day, and the part of its day's business hours (vars business_day_start_hour,
    business_day_end_hour) that is over.

    days     CTE or alias of int_business_time, joined on the moment's business date
    moment   SQL of the timestamp
-#}
{% macro business_seconds_at(days, moment) -%}
    {%- set opens = var('business_day_start_hour') * 3600 -%}
    {%- set into_the_day -%}
        {{ epoch_seconds(moment) }}
        - {{ epoch_seconds(business_day_start(days ~ '.date_day')) }}
        - {{ opens }}
    {%- endset -%}
    (
        {{ days }}.business_seconds_before
        + least(greatest({{ into_the_day }}, 0), {{ days }}.business_seconds)
    )
{%- endmacro %}
