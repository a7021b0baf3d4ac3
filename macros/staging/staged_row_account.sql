{#-
    A whole model: how many landed rows of a system reach no common object, by object,
    file and fate (duplicate, rejected). With `accepted_fate` it counts the accepted rows
    as well, of a system whose accepted rows reach none. For models of stage_landed.
-#}
{% macro staged_row_account(models, accepted_fate=none) -%}
{%- set relations = {} -%}
{%- for object, model in models.items() -%}
    {%- do relations.update({object: ref(model)}) -%}
{%- endfor -%}
{%- for object, relation in relations.items() -%}
{%- set fate = "case when is_accepted then '" ~ accepted_fate ~ "' else row_status end"
    if accepted_fate else 'row_status' -%}
select
    '{{ object }}' as source_object,
    source_file,
    {{ fate }} as fate,
    count(*) as row_count
from {{ relation }}
{%- if not accepted_fate %}
where not is_accepted
{%- endif %}
group by source_file, {{ fate }}
{%- if not loop.last %}

union all

{% endif -%}
{%- endfor -%}
{%- endmacro %}
