-- Registry and results, both ways, for every basis and dimension that the registry
-- promises.
{% set marts = {
    'kpi_by_channel_period': 'has_channel',
    'kpi_by_rep_period': 'has_rep',
    'kpi_by_team_period': 'has_team',
    'kpi_by_period': 'is_published',
} %}
with

bases as (

    select
        basis,
        min(measure_date) as first_date,
        max(measure_date) as last_date
    from {{ ref('int_measures_daily') }}
    group by basis

),

-- a KPI that was in force on no day of the data has no rows; nor has an empty warehouse
definitions as (

    select
        versions.*,
        bases.basis,
        versions.effective_from <= {{ definition_day('bases.last_date') }}
        and coalesce(versions.effective_to, bases.last_date)
        >= {{ definition_day('bases.first_date') }} as is_due
    from {{ ref('dim_kpis') }} as versions
    cross join bases
    where
        versions.is_published
        and case bases.basis
            when 'event' then versions.has_event_basis
            else versions.has_cohort_basis
        end

),

promised as (

    {% for mart, condition in marts.items() %}
    select
        '{{ mart }}' as mart,
        kpi_id,
        basis,
        max(case when is_due then 1 else 0 end) as is_due
    from definitions
    where {{ condition }}
    group by kpi_id, basis
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

published as (

    {% for mart in marts %}
    select distinct
        '{{ mart }}' as mart,
        kpi_id,
        basis
    from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    coalesce(promised.mart, published.mart) as mart,
    coalesce(promised.kpi_id, published.kpi_id) as kpi_id,
    coalesce(promised.basis, published.basis) as basis
from promised
full outer join published
    on promised.mart = published.mart
    and promised.kpi_id = published.kpi_id
    and promised.basis = published.basis
where
    (published.kpi_id is null and promised.is_due = 1)
    or promised.kpi_id is null
