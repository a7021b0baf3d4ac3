{#-
    Grain: one row per kpi_id, basis, period_grain, period_start, rep_id, team and
    channel_id, which is `all` for a KPI without a denominator: no mix weighs a count.
    What each rep has added to each KPI, by the team of the time and the channel: the
    numerators, denominators and cases that kpi_by_dimension adds up, and no rep is
    `unknown`.
-#}
{#- the ramp needs months, whatever reps are compared by -#}
{%- set grains = (['month'] + var('people_grains')) | unique -%}
{%- set grains = "'" ~ grains | join("', '") ~ "'" -%}
with

definitions as (

    select * from {{ ref('int_kpi_versions') }}
    where is_published and has_rep

),

measures as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'measure_date') }} as date) as month_start
    from {{ ref('int_measures_daily') }}
    where rep_id <> 'unknown'

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}
    where period_grain in ({{ grains }})

),

regimes as (

    select distinct regime_start from measures

),

kpi_roles as (

    {{ kpi_roles() }}

),

roles as (

    select
        kpi_roles.*,
        definitions.denominator_measure_id is not null as is_ratio
    from kpi_roles
    -- many-to-one
    inner join definitions
        on kpi_roles.kpi_id = definitions.kpi_id
        and kpi_roles.version = definitions.version

),

monthly as (

    select
        measure_id,
        basis,
        regime_start,
        month_start,
        rep_id,
        team,
        channel_id,
        cast(sum(quantity) as decimal(18, 2)) as quantity
    from measures
    group by
        measure_id, basis, regime_start, month_start, rep_id, team, channel_id

),

-- by KPI before the longer periods are made of it, which is fewer rows to add up
by_month as (

    select
        roles.kpi_id,
        monthly.basis,
        monthly.rep_id,
        monthly.team,
        case when roles.is_ratio then monthly.channel_id else 'all' end as channel_id,
        {%- for role in ['numerator', 'denominator', 'sample'] %}
        cast(
            sum(
                case when roles.role = '{{ role }}' then monthly.quantity else 0 end
            ) as decimal(18, 2)
        ) as {{ role }},
        {%- endfor %}
        monthly.month_start
    from monthly
    -- many-to-many: a measure serves several KPIs
    inner join roles
        on monthly.measure_id = roles.measure_id
        and monthly.regime_start = roles.regime_start
    where
        (monthly.basis = 'event' and roles.has_event_basis)
        or (monthly.basis = 'cohort' and roles.has_cohort_basis)
    group by
        roles.kpi_id,
        monthly.basis,
        monthly.month_start,
        monthly.rep_id,
        monthly.team,
        case when roles.is_ratio then monthly.channel_id else 'all' end

),

final as (

    select
        -- ids
        by_month.kpi_id,
        by_month.rep_id,
        by_month.channel_id,

        -- texts
        by_month.team,
        by_month.basis,
        calendar_periods.period_grain,

        -- numerics
        {%- for role in ['numerator', 'denominator', 'sample'] %}
        cast(sum(by_month.{{ role }}) as decimal(18, 2)) as {{ role }},
        {%- endfor %}

        -- dates
        calendar_periods.period_start
    from by_month
    -- one-to-many: a month is in one period of each grain
    inner join calendar_periods on by_month.month_start = calendar_periods.date_day
    group by
        by_month.kpi_id,
        by_month.rep_id,
        by_month.channel_id,
        by_month.team,
        by_month.basis,
        calendar_periods.period_grain,
        calendar_periods.period_start

)

select * from final
