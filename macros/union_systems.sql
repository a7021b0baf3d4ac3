{#-
    A whole model: the rows of one common object from every system that feeds it, in the
    common columns (common_columns) and nothing else. Which system feeds what stands in
    var `source_systems`; dbt wants to know it before it has read the project.

    The staging models of var `common_layout` hold every landed row of the layout that
    this one is; of these the accepted ones are taken. A system's adapter holds nothing
    but accepted rows. A column that it does not have it names in its YAML
    (config.meta.lacks), and it is NULL here.
-#}
{% macro union_systems(object) -%}
{%- set feeds = [] -%}
{%- for system, objects in var('source_systems').items() if object in objects -%}
    {%- do feeds.append((system, ref('stg_' ~ system ~ '__' ~ object))) -%}
{%- endfor -%}
{%- if execute -%}
{%- set columns = common_columns(object) -%}
{%- if not feeds -%}
select
    {%- for name, type in columns.items() %}
    cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
where 1 = 0
{%- endif -%}
{%- for system, relation in feeds -%}
{%- set model = (
    graph.nodes.values()
    | selectattr('resource_type', 'equalto', 'model')
    | selectattr('name', 'equalto', 'stg_' ~ system ~ '__' ~ object)
    | first
) -%}
{%- set lacks = model.config.meta.lacks or [] -%}
select
    {%- for name, type in columns.items() %}
    {%- if name == 'source_system' %}
    '{{ system }}' as source_system
    {%- elif name in lacks %}
    cast(null as {{ type }}) as {{ name }}
    {%- else %}
    {{ name }}
    {%- endif %}
    {{- ',' if not loop.last }}
    {%- endfor %}
from {{ relation }}
{%- if system == var('common_layout') and object not in account_columns() %}
where is_accepted
{%- endif %}
{%- if not loop.last %}

union all

{% endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro %}
