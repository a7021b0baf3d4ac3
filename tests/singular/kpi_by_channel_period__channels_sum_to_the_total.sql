with

parts as (

    select
        kpi_id,
        basis,
        period_grain,
        period_start,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_by_channel_period') }}
    group by kpi_id, basis, period_grain, period_start

),

-- only KPIs that exist for this dimension; a total without parts fails all the same
totals as (

    select totals.*
    from {{ ref('kpi_by_period') }} as totals
    inner join {{ ref('dim_kpis') }} as definitions
        on totals.kpi_id = definitions.kpi_id
        and totals.definition_version = definitions.version
    where definitions.has_channel

)

select
    totals.kpi_id,
    totals.basis,
    totals.period_grain,
    totals.period_start
from totals
full outer join parts
    on totals.kpi_id = parts.kpi_id
    and totals.basis = parts.basis
    and totals.period_grain = parts.period_grain
    and totals.period_start = parts.period_start
where
    coalesce(totals.numerator, 0) <> coalesce(parts.numerator, 0)
    or coalesce(totals.denominator, 0) <> coalesce(parts.denominator, 0)
