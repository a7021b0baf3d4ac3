{#-
    The business date (var `business_time_zone`) of a UTC timestamp. A zone with a fixed
    offset says so in var `business_utc_offset_hours`, which is some twenty times
    cheaper than a look-up in the time zone database per row; set it to null for a zone
    with summer time.
-#}
{% macro business_date(expression) -%}
    {%- set offset = var('business_utc_offset_hours') -%}
    {%- if offset is not none -%}
    cast({{ dbt.dateadd('hour', offset, expression) }} as date)
    {%- else -%}
    {{ adapter.dispatch('zoned_date')(expression) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__zoned_date(expression) -%}
    cast(
        ({{ expression }} at time zone 'UTC')
        at time zone '{{ var("business_time_zone") }}' as date
    )
{%- endmacro %}

{% macro spark__zoned_date(expression) -%}
    cast(
        from_utc_timestamp({{ expression }}, '{{ var("business_time_zone") }}') as date
    )
{%- endmacro %}
