{#-
    Grain: one row per period_grain, period_start and channel_id.
    The event basis side by side: one column per KPI, which the contract in the YAML names. A KPI
    that a channel cannot have is not a column.
-#}
{%- set keys = ['period_grain', 'period_start', 'channel_id'] -%}
with

kpis as (

    select * from {{ ref('kpi_by_channel_period') }} where basis = 'event'

),

final as (

    select
        {{ keys | join(', ') }}
        {%- for column in model.columns if column not in keys %},
        max(case when kpi_id = '{{ column }}' then value end) as {{ column }}
        {%- endfor %}
    from kpis
    group by {{ keys | join(', ') }}

)

select * from final
