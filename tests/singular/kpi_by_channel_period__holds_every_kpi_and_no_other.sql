-- Registry and results, both ways, for every basis and dimension that the registry
-- promises.
{% set marts = {
    'kpi_by_channel_period': 'has_channel',
    'kpi_by_rep_period': 'has_rep',
    'kpi_by_team_period': 'has_team',
    'kpi_by_period': 'is_published',
} %}
with

-- an empty warehouse publishes nothing, which is no gap
bases as (

    select
        basis,
        min(measure_date) as first_date,
        max(measure_date) as last_date
    from {{ ref('int_measures_daily') }}
    group by basis

),

promised as (

    {% for mart, condition in marts.items() %}
    {% for basis in ['event', 'cohort'] %}
    select
        '{{ mart }}' as mart,
        definitions.kpi_id,
        '{{ basis }}' as basis,
        -- a KPI that was in force on no day of the data has no rows
        max(
            {{ one_if(
                'definitions.effective_from <= ' ~ definition_day('bases.last_date')
                ~ ' and (definitions.effective_to is null or definitions.effective_to >= '
                ~ definition_day('bases.first_date') ~ ')'
            ) }}
        ) as is_due
    from {{ ref('dim_kpis') }} as definitions
    inner join bases on bases.basis = '{{ basis }}'
    where
        definitions.is_published
        and definitions.has_{{ basis }}_basis
        and definitions.{{ condition }}
    group by definitions.kpi_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
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

),

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
