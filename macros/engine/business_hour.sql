{#-
    The hour of the day, 0 to 23, of a UTC timestamp in the business time zone; the
    fixed offset as in business_date.
-#}
{% macro business_hour(expression) -%}
    {%- set offset = var('business_utc_offset_hours') -%}
    {%- if offset is not none -%}
    cast(extract(hour from {{ dbt.dateadd('hour', offset, expression) }}) as integer)
    {%- else -%}
    {{ adapter.dispatch('zoned_hour')(expression) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__zoned_hour(expression) -%}
    cast(
        extract(
            hour from ({{ expression }} at time zone 'UTC')
            at time zone '{{ var("business_time_zone") }}'
        ) as integer
    )
{%- endmacro %}

{% macro spark__zoned_hour(expression) -%}
    cast(
        extract(
            hour from from_utc_timestamp(
                {{ expression }}, '{{ var("business_time_zone") }}'
            )
        ) as integer
    )
{%- endmacro %}
