{#-
    What a rep has added in all teams is what kpi_by_rep_period says of the rep, and the
    reps of kpi_by_rep_period who have added anything are all there.
-#}
{%- set grains = "'" ~ var('people_grains') | join("', '") ~ "'" -%}
{%- set keys = ['kpi_id', 'basis', 'period_grain', 'period_start', 'rep_id'] -%}
with

teams as (

    select
        {{ keys | join(',\n        ') }},
        sum(numerator) as numerator,
        coalesce(sum(denominator), 0) as denominator
    from {{ ref('rep_performance') }}
    group by
        {{ keys | join(',\n        ') }}

),

kpis as (

    select
        kpi_by_rep.*,
        coalesce(kpi_by_rep.denominator, 0) as denominator_or_zero
    from {{ ref('kpi_by_rep_period') }} as kpi_by_rep
    inner join {{ ref('dim_kpis') }} as definitions
        on kpi_by_rep.kpi_id = definitions.kpi_id
        and kpi_by_rep.definition_version = definitions.version
    where
        definitions.statistic is null
        and definitions.has_team
        and kpi_by_rep.rep_id <> 'unknown'
        and kpi_by_rep.period_grain in ({{ grains }})

),

compared as (

    select
        coalesce(teams.kpi_id, kpis.kpi_id) as kpi_id,
        coalesce(teams.rep_id, kpis.rep_id) as rep_id,
        coalesce(teams.basis, kpis.basis) as basis,
        coalesce(teams.period_grain, kpis.period_grain) as period_grain,
        coalesce(teams.period_start, kpis.period_start) as period_start,
        coalesce(teams.numerator, 0) as numerator,
        coalesce(teams.denominator, 0) as denominator,
        coalesce(kpis.numerator, 0) as published_numerator,
        coalesce(kpis.denominator_or_zero, 0) as published_denominator
    from teams
    full outer join kpis
        on {% for key in keys -%}
        teams.{{ key }} = kpis.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

)

select * from compared
where
    numerator <> published_numerator
    or denominator <> published_denominator

union all

-- in an empty table everything adds up
select
    'no row is compared' as kpi_id,
    null as rep_id,
    null as basis,
    null as period_grain,
    null as period_start,
    null as numerator,
    null as denominator,
    null as published_numerator,
    null as published_denominator
from (select 1 as one) as always
where
    exists (select 1 from kpis where kpis.numerator <> 0)
    and not exists (select 1 from teams)
