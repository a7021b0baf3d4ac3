{#-
    A whole model: what each KPI would be by its newest version that is not agreed, over
    all of history, beside what is published.

    mart        relation with the published values of the same grain
    dimension   column of both, or none for the totals
    members, exists_for   as in kpi_by_dimension
-#}
{% macro drafts_beside_agreed(mart, dimension=none, members=none, exists_for=none) -%}
{%- set keys = ['kpi_id', 'basis', 'period_grain', 'period_start'] -%}
{%- do keys.append(dimension) if dimension -%}
with

drafts as (

    select * from (
        {{ kpi_by_dimension(
            dimension, members=members, exists_for=exists_for, is_draft=true
        ) }}
    ) as computed

),

agreed as (

    select * from {{ mart }}

),

final as (

    select
        -- ids
        drafts.kpi_id,
        {%- if dimension %}
        drafts.{{ dimension }},
        {%- endif %}
        drafts.basis,
        drafts.period_grain,

        -- numerics
        drafts.definition_version as draft_version,
        drafts.numerator as draft_numerator,
        drafts.denominator as draft_denominator,
        drafts.value as draft_value,
        agreed.definition_version as agreed_version,
        agreed.numerator as agreed_numerator,
        agreed.denominator as agreed_denominator,
        agreed.value as agreed_value,
        drafts.value - agreed.value as difference,

        -- dates
        drafts.period_start,
        drafts.period_end
    from drafts
    -- one-to-one; left, as a new KPI has no agreed version
    left join agreed
        on {% for key in keys -%}
        drafts.{{ key }} = agreed.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

)

select * from final
{%- endmacro %}
