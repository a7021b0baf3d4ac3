{#-
    The columns of a common object and their SQL types, in order: what the layout of var
    `common_layout` has, what native systems know beyond it, and where a row came from.
    What is in no layout is listed here.
-#}
{% macro common_columns(object) -%}
{%- set text = dbt.type_string() -%}
{%- set types = {
    'timestamp': 'timestamp',
    'date': 'date',
    'month': 'date',
    'boolean': 'boolean',
    'integer': 'bigint',
    'decimal': 'decimal(24, 6)',
} -%}
{%- set beyond_the_layout = {
    'leads': {'mobile_phone': text},
    'calls': {'rep_email': text},
    'emails': {'logged_by': text},
    'users': {'email': text},
    'lead_aliases': {'alias_id': text, 'lead_id': text},
    'accounts': {
        'account_id': text,
        'company_key': text,
        'phone': text,
        'is_deleted': 'boolean',
        'merged_into_id': text,
    },
} -%}
{%- if object in account_columns() -%}
    {%- do return(account_columns()[object]) -%}
{%- endif -%}
{%- set columns = {} -%}
{%- for node in graph.sources.values()
    if node.source_name == var('common_layout') and node.name == object -%}
    {%- for column in node.columns.values() -%}
        {%- do columns.update({column.name: types.get(column.data_type, text)}) -%}
    {%- endfor -%}
{%- endfor -%}
{%- do columns.update(beyond_the_layout.get(object, {})) -%}
{%- if not columns -%}
    {%- do exceptions.raise_compiler_error(object ~ ' is no common object') -%}
{%- endif -%}
{%- do columns.update({
    'source_system': text,
    'source_object': text,
    'source_file': text,
    'source_row': 'bigint',
}) -%}
{%- do return(columns) -%}
{%- endmacro %}
