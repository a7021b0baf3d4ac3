{#-
    Every KPI of the registry by one dimension and period, on both bases.

    dimension   column of int_measures_daily (channel_id, rep_id or team), or none for
                the totals
    members     relation with one row per value of the dimension; none: the values that
                occur
    exists_for  column of dim_kpis that says which KPIs have this dimension; none: all

    No formula lives here. A KPI is one measure, or one measure over another, as the
    registry says; a ratio is therefore always a sum over a sum, and NULL over nothing
    (R1). From week upwards there is a row for every period between the first and the
    last event, so that a zero is a row and not a gap; at day grain there are rows only
    where there is something.
-#}
{% macro kpi_by_dimension(dimension, members=none, exists_for=none) -%}
{%- set keys = ['basis', 'period_grain', 'period_start'] -%}
{%- do keys.append(dimension) if dimension -%}
with

definitions as (

    select * from {{ ref('dim_kpis') }}
    where is_current {{ 'and ' ~ exists_for if exists_for }}

),

measures as (

    select * from {{ ref('int_measures_daily') }}

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}

),

daily as (

    select
        measure_id,
        basis,
        measure_date,
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        sum(quantity) as quantity
    from measures
    group by measure_id, basis, measure_date{{ ', ' ~ dimension if dimension }}

),

quantities as (

    select
        daily.measure_id,
        daily.basis,
        calendar_periods.period_grain,
        calendar_periods.period_start,
        {%- if dimension %}
        daily.{{ dimension }},
        {%- endif %}
        sum(daily.quantity) as quantity
    from daily
    -- one-to-many: a day is in one period of each grain
    inner join calendar_periods on daily.measure_date = calendar_periods.date_day
    group by
        daily.measure_id,
        daily.basis,
        calendar_periods.period_grain,
        calendar_periods.period_start
        {{- ', daily.' ~ dimension if dimension }}

),

bases as (

    select
        basis,
        min(measure_date) as first_date,
        max(measure_date) as last_date
    from daily
    group by basis

),

periods as (

    select distinct
        bases.basis,
        calendar_periods.period_grain,
        calendar_periods.period_start
    from bases
    inner join calendar_periods
        on calendar_periods.date_day between bases.first_date and bases.last_date
    where calendar_periods.period_grain <> 'day'

),

period_ends as (

    select distinct
        period_grain,
        period_start,
        period_end
    from calendar_periods

),

{% if dimension %}
members as (

    select distinct {{ dimension }} from {{ members if members else 'daily' }}

),
{% endif %}
cells as (

    select
        definitions.kpi_id,
        periods.basis,
        periods.period_grain,
        periods.period_start
        {{- ',\n        members.' ~ dimension if dimension }}
    from definitions
    cross join periods
    {%- if dimension %}
    cross join members
    {%- endif %}
    where
        (periods.basis = 'event' and definitions.has_event_basis)
        or (periods.basis = 'cohort' and definitions.has_cohort_basis)

    union

    select
        definitions.kpi_id,
        quantities.basis,
        quantities.period_grain,
        quantities.period_start
        {{- ',\n        quantities.' ~ dimension if dimension }}
    from quantities
    -- many-to-many: a measure serves several KPIs
    inner join definitions
        on quantities.measure_id = definitions.numerator_measure_id
        or quantities.measure_id = definitions.denominator_measure_id
    where
        quantities.period_grain = 'day'
        and (
            (quantities.basis = 'event' and definitions.has_event_basis)
            or (quantities.basis = 'cohort' and definitions.has_cohort_basis)
        )

),

filled as (

    select
        {%- for key in keys %}
        cells.{{ key }},
        {%- endfor %}
        definitions.kpi_id,
        definitions.version,
        definitions.maturity_days,
        period_ends.period_end,
        -- an interval is for a share of cases, not of yen, and only where the part is
        -- in the whole
        case cells.basis
            when 'event' then definitions.is_subset_event
            else definitions.is_subset_cohort
        end
        and definitions.sample_measure_id = definitions.denominator_measure_id
            as is_proportion,
        definitions.denominator_measure_id is not null as is_ratio,
        coalesce(numerators.quantity, 0) as numerator,
        case
            when definitions.denominator_measure_id is not null
                then coalesce(denominators.quantity, 0)
        end as denominator,
        coalesce(samples.quantity, 0) as sample_size
    from cells
    -- many-to-one
    inner join definitions on cells.kpi_id = definitions.kpi_id
    -- many-to-one
    inner join period_ends
        on cells.period_grain = period_ends.period_grain
        and cells.period_start = period_ends.period_start
    {%- for role in ['numerator', 'denominator', 'sample'] %}
    -- one-to-one
    left join quantities as {{ role }}s
        on definitions.{{ role }}_measure_id = {{ role }}s.measure_id
        {%- for key in keys %}
        and cells.{{ key }} = {{ role }}s.{{ key }}
        {%- endfor %}
    {%- endfor %}

),

valued as (

    select
        *,
        case
            when is_ratio
                then cast(numerator as {{ type_double() }})
                    / nullif(cast(denominator as {{ type_double() }}), 0)
            else cast(numerator as {{ type_double() }})
        end as value
    from filled

),

final as (

    select
        -- ids
        kpi_id,
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        basis,
        period_grain,

        -- numerics
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        value,
        {%- for bound in ['low', 'high'] %}
        case
            when is_proportion
                then {{ wilson_bound('value', 'denominator', bound) }}
        end as ci_{{ bound }},
        {%- endfor %}
        version as definition_version,

        -- booleans
        is_ratio and sample_size < {{ var('small_sample_below') }} as is_small_sample,
        basis = 'event'
        or {{ dbt.dateadd('day', 'maturity_days', 'period_end') }} <= {{ as_of_date() }}
            as is_mature,
        period_end <= {{ as_of_date() }} as is_complete,

        -- dates
        period_start,
        period_end
    from valued

)

select * from final
{%- endmacro %}
