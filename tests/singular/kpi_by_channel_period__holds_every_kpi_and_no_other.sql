-- Registry and results, both ways, for every basis and dimension that the registry
-- promises.
with

{% set marts = {
    'kpi_by_channel_period': 'has_channel',
    'kpi_by_rep_period': 'has_rep',
    'kpi_by_team_period': 'has_team',
    'kpi_by_period': 'true',
} %}
promised as (

    {% for mart, condition in marts.items() %}
    {% for basis in ['event', 'cohort'] %}
    select
        '{{ mart }}' as mart,
        kpi_id,
        '{{ basis }}' as basis
    from {{ ref('dim_kpis') }}
    where is_current and has_{{ basis }}_basis and {{ condition }}
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

-- an empty warehouse publishes nothing, which is no gap
bases as (

    select distinct basis from {{ ref('int_measures_daily') }}

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
    (published.kpi_id is null and promised.basis in (select bases.basis from bases))
    or promised.kpi_id is null
