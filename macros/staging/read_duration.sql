{#-
    Seconds of a written duration: `95`, `95.0`, `1:35` (minutes and seconds) or
    `0:01:35`; NULL where it cannot be read.
-#}
{% macro read_duration(expression) -%}
    {%- set parts = [] -%}
    {%- for place in (1, 2, 3) -%}
        {%- do parts.append(
            try_cast(dbt.split_part(expression, "':'", place), 'decimal(18, 3)')
        ) -%}
    {%- endfor -%}
    case
        when {{ expression }} like '%:%:%:%' then null
        when {{ expression }} like '%:%:%'
            then {{ parts[0] }} * 3600 + {{ parts[1] }} * 60 + {{ parts[2] }}
        when {{ expression }} like '%:%' then {{ parts[0] }} * 60 + {{ parts[1] }}
        else {{ parts[0] }}
    end
{%- endmacro %}
