{#-
    The columns of what a system says about its own rows, as common_columns returns them.
-#}
{% macro account_columns() -%}
{%- set text = dbt.type_string() -%}
{%- do return({
    'row_findings': {
        'source_system': text,
        'source_object': text,
        'source_file': text,
        'source_row': 'bigint',
        'source_id': text,
        'rule': text,
        'detail': text,
    },
    'row_account': {
        'source_system': text,
        'source_object': text,
        'source_file': text,
        'fate': text,
        'row_count': 'bigint',
    },
    'unmapped_codes': {
        'source_system': text,
        'source_object': text,
        'source_file': text,
        'source_row': 'bigint',
        'rule': text,
        'code': text,
        'row_count': 'bigint',
    },
}) -%}
{%- endmacro %}
