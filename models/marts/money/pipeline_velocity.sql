{#-
    Grain: one row per period_grain, period_start and channel_id; channel `all` is the
    total.
    パイプライン速度: opportunities created × win rate of closed deals × average deal ÷
    average cycle days, in yen per day. Every component is the published KPI.
-#}
{%- set component_ids = [
    'opportunities_created',
    'win_rate_of_closed',
    'average_deal',
    'average_cycle_days',
] -%}
with

totals as (

    select * from {{ ref('kpi_by_period') }}

),

channels as (

    select * from {{ ref('kpi_by_channel_period') }}

),

kpis as (

    {% for relation, channel_id in [('totals', "'all'"), ('channels', 'channel_id')] %}
    select
        kpi_id,
        basis,
        period_grain,
        {{ channel_id }} as channel_id,
        numerator,
        denominator,
        value,
        is_small_sample,
        is_complete,
        period_start,
        period_end
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

components as (

    select
        period_grain,
        channel_id,
        period_start,
        {%- for kpi_id in component_ids %}
        max(case when kpi_id = '{{ kpi_id }}' then value end) as {{ kpi_id }},
        {%- endfor %}
        max(case when kpi_id = 'win_rate_of_closed' then denominator end)
            as deals_closed,
        max(case when kpi_id = 'win_rate_of_closed' then numerator end) as deals_won,
        max(case when kpi_id = 'average_cycle_days' then numerator end)
            as cycle_days_won,
        max(case when is_small_sample then 1 else 0 end) as small_samples,
        min(case when is_complete then 1 else 0 end) as complete_parts,
        max(period_end) as period_end
    from kpis
    where
        basis = 'event'
        -- days and weeks hold too few deals to say anything
        and period_grain not in ('day', 'week')
        and kpi_id in (
            {%- for kpi_id in component_ids %}
            '{{ kpi_id }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
    group by period_grain, channel_id, period_start

),

reasoned as (

    select
        *,
        case
            when opportunities_created is null then 'no_cases'
            when coalesce(deals_closed, 0) = 0 then 'no_deals_closed'
            when coalesce(deals_won, 0) = 0 then 'no_deals_won'
            when coalesce(cycle_days_won, 0) <= 0 then 'no_cycle_days'
        end as velocity_reason
    from components

),

final as (

    select
        -- ids
        channel_id,
        period_grain,

        -- texts
        velocity_reason,

        -- numerics
        case
            when velocity_reason is null
                then
                    opportunities_created * win_rate_of_closed * average_deal
                    / average_cycle_days
        end as velocity_jpy_per_day,
        cast(opportunities_created as bigint) as opportunities_created,
        win_rate_of_closed,
        average_deal,
        average_cycle_days,
        cast(coalesce(deals_closed, 0) as bigint) as deals_closed,
        cast(coalesce(deals_won, 0) as bigint) as deals_won,

        -- booleans
        small_samples = 1 as is_small_sample,
        complete_parts = 1 as is_complete,

        -- dates
        period_start,
        period_end
    from reasoned

)

select * from final
