{#-
    The sentence of seed tree_reasons with its numbers filled in; NULL without a reason.

    language    ja or en

    Reads the columns of judged, reasons and stages_named (the stage without a rate) in
    kgi_kpi_tree.
-#}
{% macro tree_sentence(language) -%}
{%- set limit -%}
    case reasons.limited_by
        when 'supply' then judged.supply
        when 'capacity' then judged.capacity
        else judged.history_max
    end
{%- endset -%}
{%- set filled_in = {
    'node': 'judged.name_' ~ language,
    'rate': 'coalesce(stages_named.rate_name_' ~ language ~ ", '')",
    'base': 'coalesce(stages_named.name_' ~ language ~ ", '')",
    'required': number_text('judged.required'),
    'required_low': number_text('judged.required_low'),
    'limit': number_text(limit),
    'months': number_text('judged.history_months'),
    'rep_days': number_text('judged.rep_days'),
    'hours': number_text('judged.hours_per_day', 1),
    'per_hour': number_text('judged.per_hour', 1),
} -%}
{% for _ in filled_in %}replace({% endfor -%}
reasons.sentence_{{ language }}
{%- for name, text in filled_in.items() %},
'{{ '{' ~ name ~ '}' }}', {{ text }})
{%- endfor %}
{%- endmacro %}
