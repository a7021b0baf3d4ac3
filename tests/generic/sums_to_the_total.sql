{#-
    Fails on every KPI and period whose numerator or denominator, added up over the rows
    of `model`, differs from the `total`'s. Only KPIs for which dim_kpis says
    `exists_for`.
-#}
{% test sums_to_the_total(model, total, definitions, exists_for) %}

with

parts as (

    select
        kpi_id,
        basis,
        period_grain,
        period_start,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ model }}
    group by kpi_id, basis, period_grain, period_start

),

-- a total without parts fails all the same
totals as (

    select totals.*
    from {{ total }} as totals
    inner join {{ definitions }} as definitions
        on totals.kpi_id = definitions.kpi_id
        and totals.definition_version = definitions.version
    where definitions.{{ exists_for }}

)

select
    coalesce(totals.kpi_id, parts.kpi_id) as kpi_id,
    coalesce(totals.basis, parts.basis) as basis,
    coalesce(totals.period_grain, parts.period_grain) as period_grain,
    coalesce(totals.period_start, parts.period_start) as period_start
from totals
full outer join parts
    on totals.kpi_id = parts.kpi_id
    and totals.basis = parts.basis
    and totals.period_grain = parts.period_grain
    and totals.period_start = parts.period_start
where
    coalesce(totals.numerator, 0) <> coalesce(parts.numerator, 0)
    or coalesce(totals.denominator, 0) <> coalesce(parts.denominator, 0)

{% endtest %}
