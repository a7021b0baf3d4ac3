{#-
    Every KPI of the registry by one dimension and period, on both bases.

    dimension   column of int_measures_daily (channel_id, rep_id or team), or none for
                the totals
    members     relation with one row per value of the dimension; none: the values that
                occur
    exists_for  column of dim_kpis that says which KPIs have this dimension; none: all
    is_draft    whether to compute the newest version of each KPI that is not published,
                over all of history, instead of what is agreed

    No formula lives here. A KPI is one measure, or one measure over another, as the
    version in force on the day of each event says; a ratio is therefore always a sum
    over a sum, and NULL over nothing (R1). Or it is a statistic of a distribution, which
    cannot be put together from days: it is that of the whole period, by the version that
    the period is labelled with, beside the number of cases that it rests on. From week
    upwards there is a row for every period between the first and the last event, so that
    a zero is a row and not a gap; at day grain there are rows only where there is
    something. A KPI has no rows for periods before its first version or after its last
    one.
-#}
{% macro kpi_by_dimension(
    dimension, members=none, exists_for=none, is_draft=false
) -%}
{%- set keys = ['basis', 'period_grain', 'period_start'] -%}
{%- do keys.append(dimension) if dimension -%}
{%- set time_to_event = {
    none: 'time_to_event_by_period',
    'channel_id': 'time_to_event_by_channel_period',
    'rep_id': 'time_to_event_by_rep_period',
    'team': 'time_to_event_by_team_period',
}[dimension] -%}
with

versions as (

    select
        kpi_id,
        numerator_measure_id,
        denominator_measure_id,
        sample_measure_id,
        distribution_id,
        statistic,
        version,
        maturity_days,
        has_event_basis,
        has_cohort_basis,
        is_subset_event,
        is_subset_cohort,
        effective_from,
        coalesce(effective_to, cast('{{ var("calendar_end") }}' as date)) as last_day,
        max(version) over (partition by kpi_id) as newest_version
    from {{ ref('dim_kpis') }}
    where {{ 'not ' if is_draft }}is_published {{ 'and ' ~ exists_for if exists_for }}

),

definitions as (

    select
        *,
        max(last_day) over (partition by kpi_id) as last_day_of_kpi
    from versions
    {{ 'where version = newest_version' if is_draft }}

),

measures as (

    select * from {{ ref('int_measures_daily') }}

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

distributions as (

    select * from {{ ref(time_to_event) }}

),

daily as (

    select
        measure_id,
        basis,
        regime_start,
        measure_date,
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        sum(quantity) as quantity
    from measures
    group by
        measure_id, basis, regime_start, measure_date{{ ', ' ~ dimension if dimension }}

),

quantities as (

    select
        daily.measure_id,
        daily.basis,
        daily.regime_start,
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
        daily.regime_start,
        calendar_periods.period_grain,
        calendar_periods.period_start
        {{- ', daily.' ~ dimension if dimension }}

),

regimes as (

    select distinct regime_start from daily

),

-- what each measure is to the version of a KPI that counts the events of a regime
roles as (

    {{ kpi_roles(is_draft) }}

),

contributions as (

    select
        roles.kpi_id,
        {%- for key in keys %}
        quantities.{{ key }},
        {%- endfor %}
        {%- for role in ['numerator', 'denominator', 'sample'] %}
        sum(
            case when roles.role = '{{ role }}' then quantities.quantity else 0 end
        ) as {{ role }},
        {%- endfor %}
        min(roles.version) as first_version,
        max(roles.version) as last_version
    from quantities
    -- many-to-many: a measure serves several KPIs
    inner join roles
        on quantities.measure_id = roles.measure_id
        and quantities.regime_start = roles.regime_start
    where
        (quantities.basis = 'event' and roles.has_event_basis)
        or (quantities.basis = 'cohort' and roles.has_cohort_basis)
    group by
        roles.kpi_id
        {%- for key in keys %},
        quantities.{{ key }}
        {%- endfor %}

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
        calendar_periods.period_start,
        calendar_periods.period_end,
        -- the day whose definition the period is labelled with
        case
            when calendar_periods.period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else calendar_periods.period_end
        end as label_day
    from bases
    inner join calendar_periods
        on calendar_periods.date_day between bases.first_date and bases.last_date

),

versions_of_periods as (

    select
        definitions.*,
        periods.basis,
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        agreements.small_sample_below,
        row_number() over (
            partition by
                definitions.kpi_id,
                periods.basis,
                periods.period_grain,
                periods.period_start
            order by definitions.version desc
        ) as version_number_from_last
    from periods
    -- many-to-one
    left join agreements on periods.label_day = agreements.date_day
    {% if is_draft %}
    cross join definitions
    {% else %}
    -- many-to-many: the versions begun by then of the KPIs not yet withdrawn
    inner join definitions
        on definitions.effective_from <= {{ definition_day('periods.label_day') }}
        and definitions.last_day_of_kpi >= {{ definition_day('periods.period_start') }}
    {% endif %}
    where
        (periods.basis = 'event' and definitions.has_event_basis)
        or (periods.basis = 'cohort' and definitions.has_cohort_basis)

),

labels as (

    select * from versions_of_periods where version_number_from_last = 1

),

{% if dimension %}
members as (

    select distinct {{ dimension }} from {{ members if members else 'daily' }}

),
{% endif %}
cells as (

    select
        labels.*
        {{- ',\n        members.' ~ dimension if dimension }}
    from labels
    {%- if dimension %}
    cross join members
    {%- endif %}
    where labels.period_grain <> 'day'

    union all

    select
        labels.*
        {{- ',\n        contributions.' ~ dimension if dimension }}
    from labels
    -- one-to-many: one contribution per member
    inner join contributions
        on labels.kpi_id = contributions.kpi_id
        and labels.basis = contributions.basis
        and labels.period_grain = contributions.period_grain
        and labels.period_start = contributions.period_start
    where labels.period_grain = 'day'

    union all

    select
        labels.*
        {{- ',\n        distributions.' ~ dimension if dimension }}
    from labels
    -- one-to-many: one distribution per member
    inner join distributions
        on labels.distribution_id = distributions.distribution_id
        and labels.basis = distributions.basis
        and labels.period_grain = distributions.period_grain
        and labels.period_start = distributions.period_start
    where
        labels.period_grain = 'day'
        and case labels.statistic
            when 'km_median' then distributions.cases
            else distributions.finished
        end > 0

),

filled as (

    select
        cells.*,
        -- an interval is for a share of cases, not of yen, and only where the part is
        -- in the whole
        case cells.basis
            when 'event' then cells.is_subset_event
            else cells.is_subset_cohort
        end
        and cells.sample_measure_id = cells.denominator_measure_id as is_proportion,
        cells.denominator_measure_id is not null as is_ratio,
        case
            when cells.statistic is null then coalesce(contributions.numerator, 0)
        end as numerator,
        case
            when cells.denominator_measure_id is not null
                then coalesce(contributions.denominator, 0)
            when cells.statistic = 'km_median' then coalesce(distributions.cases, 0)
            when cells.statistic is not null then coalesce(distributions.finished, 0)
        end as denominator,
        coalesce(contributions.sample, 0) as sample_size,
        case cells.statistic
            when 'median' then distributions.median
            when 'p90' then distributions.p90
            when 'km_median' then distributions.km_median
        end as statistic_value,
        coalesce(
            contributions.first_version <> cells.version
            or contributions.last_version <> cells.version, false
        ) as is_mixed_version
    from cells
    -- one-to-one
    left join contributions
        on cells.kpi_id = contributions.kpi_id
        {%- for key in keys %}
        and cells.{{ key }} = contributions.{{ key }}
        {%- endfor %}
    -- one-to-one; of what is counted none
    left join distributions
        on cells.distribution_id = distributions.distribution_id
        {%- for key in keys %}
        and cells.{{ key }} = distributions.{{ key }}
        {%- endfor %}

),

valued as (

    select
        *,
        case
            when statistic is not null then statistic_value
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
        case
            when statistic is not null then denominator < small_sample_below
            else is_ratio and sample_size < small_sample_below
        end as is_small_sample,
        basis = 'event'
        or {{ dbt.dateadd('day', 'maturity_days', 'period_end') }} <= {{ as_of_date() }}
            as is_mature,
        period_end <= {{ as_of_date() }} as is_complete,
        is_mixed_version,

        -- dates
        period_start,
        period_end
    from valued

)

select * from final
{%- endmacro %}
