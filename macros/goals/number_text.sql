{#-
    A number as text for a sentence, with a fixed count of decimals; empty for NULL, so
    that it can be put into a sentence that does not need it.
-#}
{% macro number_text(number, decimals=0) -%}
    coalesce(
        cast(cast({{ number }} as decimal(18, {{ decimals }})) as {{ dbt.type_string() }}),
        ''
    )
{%- endmacro %}
