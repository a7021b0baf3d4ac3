{#- The UTC timestamp at which a business date begins in the business time zone. -#}
{% macro business_day_start(expression) -%}
    {%- set offset = var('business_utc_offset_hours') -%}
    {%- if offset is not none -%}
    cast(
        {{ dbt.dateadd('hour', -offset, 'cast(' ~ expression ~ ' as timestamp)') }}
        as timestamp
    )
    {%- else -%}
    {{ adapter.dispatch('zoned_day_start')(expression) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__zoned_day_start(expression) -%}
    (
        (
            cast({{ expression }} as timestamp)
            at time zone '{{ var("business_time_zone") }}'
        ) at time zone 'UTC'
    )
{%- endmacro %}

{% macro spark__zoned_day_start(expression) -%}
    to_utc_timestamp(
        cast({{ expression }} as timestamp), '{{ var("business_time_zone") }}'
    )
{%- endmacro %}
