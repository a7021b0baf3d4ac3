{#-
    The first moment (UTC) of which nothing is known: the end of the as-of date. What has
    not ended by then is censored there.
-#}
{% macro end_of_observation() -%}
    {{ business_day_start(dbt.dateadd('day', 1, as_of_date())) }}
{%- endmacro %}
