{#-
    Grain: one row per period_grain, period_start and channel_id.
    The event basis side by side: one column per KPI, which the contract in the YAML
    names. A KPI that a channel cannot have is not a column.
-#}
{%- set keys = ['period_grain', 'period_start', 'channel_id'] -%}
{%- set kpi_ids = model.columns | reject('in', keys) | list -%}
with

kpis as (

    select * from {{ ref('kpi_by_channel_period') }} where basis = 'event'

),

final as (

    select
        {% for kpi_id in kpi_ids %}
        max(case when kpi_id = '{{ kpi_id }}' then value end) as {{ kpi_id }},
        {% endfor %}
        -- the contract puts them first
        period_grain,
        period_start,
        channel_id
    from kpis
    group by period_grain, period_start, channel_id

)

select * from final
