{#-
    Whether a row without a value in this column is rejected. A `required` column must be
    in every file; one that is only `mandatory` may be absent from a file.
-#}
{% macro is_mandatory(column) -%}
{%- set meta = column.config.meta -%}
{%- do return(meta.required or meta.mandatory or false) -%}
{%- endmacro %}
