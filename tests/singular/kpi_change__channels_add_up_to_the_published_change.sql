{#-
    Every KPI of the channels and every period that has an earlier one: a row is there,
    its change is that of the published values, and the channels' effects add up to it,
    within the last digits of a floating point number (1e-12 of the largest term).
-#}
{%- set keys = ['kpi_id', 'basis', 'comparison', 'period_grain', 'period_start'] -%}
with

definitions as (

    select * from {{ ref('dim_kpis') }} where has_channel and statistic is null

),

published as (

    select
        kpis.kpi_id,
        kpis.basis,
        comparisons.comparison,
        kpis.period_grain,
        kpis.period_start,
        kpis.denominator is not null as is_ratio,
        kpis.value - earlier.value as change,
        greatest(abs(kpis.value), abs(earlier.value)) as largest_value
    from {{ ref('kpi_by_period') }} as kpis
    inner join {{ ref('int_period_comparisons') }} as comparisons
        on kpis.period_grain = comparisons.period_grain
        and kpis.period_start = comparisons.period_start
    inner join {{ ref('kpi_by_period') }} as earlier
        on kpis.kpi_id = earlier.kpi_id
        and kpis.basis = earlier.basis
        and kpis.period_grain = earlier.period_grain
        and comparisons.previous_period_start = earlier.period_start
    inner join definitions
        on kpis.kpi_id = definitions.kpi_id
        and kpis.definition_version = definitions.version

),

shown as (

    select * from {{ ref('kpi_change') }}

),

-- in decimals, so that the sum is that of the shown effects
channels as (

    select
        sum(cast(effect as decimal(38, 18))) as effect,
        sum(cast(mix_effect + performance_effect + unmatched_effect as decimal(38, 18)))
            as split_effect,
        max(abs(effect)) as largest_effect,
        {{ keys | join(', ') }}
    from {{ ref('kpi_change_by_channel') }}
    group by {{ keys | join(', ') }}

),

compared as (

    select
        coalesce(published.kpi_id, shown.kpi_id) as kpi_id,
        coalesce(published.basis, shown.basis) as basis,
        coalesce(published.comparison, shown.comparison) as comparison,
        coalesce(published.period_grain, shown.period_grain) as period_grain,
        coalesce(published.period_start, shown.period_start) as period_start,
        published.change as published_change,
        published.is_ratio,
        shown.change,
        shown.change_reason,
        shown.split_reason,
        shown.mix_effect + shown.performance_effect + shown.unmatched_effect
            as total_effect,
        channels.effect,
        channels.split_effect,
        1e-12 * greatest(published.largest_value, channels.largest_effect) as tolerance,
        published.kpi_id is not null
        and shown.kpi_id is not null
        and channels.kpi_id is not null as is_everywhere
    from published
    full outer join shown
        on {% for key in keys -%}
        published.{{ key }} = shown.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}
    left join channels
        on {% for key in keys -%}
        published.{{ key }} = channels.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

)

select * from compared
where
    not is_everywhere
    -- NULL with a reason, and only then
    or (published_change is null) <> (change is null)
    or (published_change is null) <> (effect is null)
    or (published_change is null) <> (change_reason is not null)
    or (is_ratio and published_change is not null) <> (split_effect is not null)
    or (split_effect is null) <> (split_reason is not null)
    or abs(change - published_change) > tolerance
    or abs(effect - published_change) > tolerance
    or abs(split_effect - published_change) > tolerance
    or abs(total_effect - published_change) > tolerance
