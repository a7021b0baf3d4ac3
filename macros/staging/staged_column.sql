{#- A landed text as the type the interface declares; NULL where it cannot be read. -#}
{% macro staged_column(name, data_type) -%}
    {%- set plain = "nullif(trim(" ~ name ~ "), '')" -%}
    {%- if data_type == 'salesforce_id' -%}
        {{ salesforce_id(name) }}
    {%- elif data_type in text_types() -%}
        {{ plain }}
    {%- elif data_type == 'timestamp' -%}
        {{ read_timestamp(plain) }}
    {%- elif data_type == 'month' -%}
        {{ try_cast("substr(" ~ plain ~ ", 1, 7) || '-01'", 'date') }}
    {%- elif data_type == 'boolean' -%}
        case
            when lower(trim({{ name }})) in ('true', 't', '1', 'yes', 'y') then true
            when lower(trim({{ name }})) in ('false', 'f', '0', 'no', 'n') then false
        end
    {%- elif data_type == 'integer' -%}
        {{ try_cast(plain, 'bigint') }}
    {%- elif data_type == 'decimal' -%}
        {{ try_cast(plain, 'decimal(24, 6)') }}
    {%- else -%}
        {{ try_cast(plain, data_type) }}
    {%- endif -%}
{%- endmacro %}
