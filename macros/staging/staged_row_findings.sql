{#-
    A whole model: one row per landed row of a system that was rejected, or that was
    accepted with an optional value which cannot be read. For models of stage_landed.
    Names the column and never the value: a finding holds no personal data. The id is the
    first key column that no row may lack.
-#}
{% macro staged_row_findings(system, models) -%}
{%- set relations = {} -%}
{%- for object, model in models.items() -%}
    {%- do relations.update({object: ref(model)}) -%}
{%- endfor -%}
{%- if execute -%}
{%- for object, relation in relations.items() -%}
{%- set node = (
    graph.sources.values()
    | selectattr('source_name', 'equalto', system)
    | selectattr('name', 'equalto', object)
    | first
) -%}
{%- set key = node.config.meta.key -%}
{%- set ids = [] -%}
{%- for name in key if is_mandatory(node.columns[name]) -%}
    {%- do ids.append(name) -%}
{%- endfor -%}
select
    '{{ object }}' as source_object,
    source_file,
    source_row,
    cast({{ (ids or key) | first }} as {{ dbt.type_string() }}) as source_id,
    coalesce(reject_rule, 'unreadable_value') as rule,
    coalesce(reject_column, unreadable_columns) as detail
from {{ relation }}
where
    reject_rule is not null
    -- a row that a newer version supersedes is of no interest any more
    or (unreadable_columns is not null and is_accepted)
{%- if not loop.last %}

union all

{% endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro %}
