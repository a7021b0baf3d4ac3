{#-
    R2 for the two dimensions of credit, in which a part can leave its whole only by being
    credited to somebody else: to another rep, or to the team of another day.
-#}
{%- set marts = {
    'kpi_by_period': "'total'", 'kpi_by_rep_period': 'rep_id', 'kpi_by_team_period': 'team'
} -%}
with

published as (

    {% for mart, member in marts.items() %}
    select
        '{{ mart }}' as mart,
        kpi_id,
        basis,
        period_grain,
        period_start,
        definition_version,
        {{ member }} as member,
        numerator,
        denominator
    from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

definitions as (

    select * from {{ ref('dim_kpis') }}

),

parts as (

    select published.*
    from published
    -- many-to-one
    inner join definitions
        on published.kpi_id = definitions.kpi_id
        and published.definition_version = definitions.version
    where
        (
            (published.basis = 'event' and definitions.is_subset_event)
            or (published.basis = 'cohort' and definitions.is_subset_cohort)
        )
        -- an amount may be negative, a count may not
        and definitions.sample_measure_id = definitions.denominator_measure_id
        and definitions.has_rep
        and definitions.has_team

),

-- where the total has parts, so have reps and teams: else nothing could fail
seen as (

    select count(distinct mart) as marts_seen from parts where denominator > 0

),

final as (

    select
        mart,
        kpi_id,
        basis,
        period_grain,
        period_start,
        member
    from parts
    where numerator > denominator or numerator < 0

    union all

    select
        'no part seen' as mart,
        cast(null as {{ dbt.type_string() }}) as kpi_id,
        cast(null as {{ dbt.type_string() }}) as basis,
        cast(null as {{ dbt.type_string() }}) as period_grain,
        cast(null as date) as period_start,
        cast(null as {{ dbt.type_string() }}) as member
    from seen
    where marts_seen between 1 and {{ marts | length - 1 }}

)

select * from final
