{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    Every measure of the registry, additive over all of these; the input of the KPI marts
    for all that can be added up.
-#}
{%- set parts = [
    'activities',
    'meetings',
    'leads',
    'opportunities',
    'attendance',
    'cadence',
    'campaign_costs',
    'responses',
] -%}
with

final as (

    {% for part in parts %}
    select
        measure_id,
        basis,
        channel_id,
        rep_id,
        team,
        quantity,
        quantity_same_month,
        quantity_no_cohort,
        regime_start,
        measure_date
    from {{ ref('int_measures_' ~ part) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
