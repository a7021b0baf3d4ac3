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

-- what there is of each measure, which is read apart from its millions of rows
extents as (

    select
        measure_id,
        basis,
        regime_start,
        min(measure_date) as first_date,
        max(measure_date) as last_date
    from {{ ref('int_measures_daily') }}
    {%- if is_draft %}
    -- most of the time nothing is a draft
    where
        measure_id in (select numerator_measure_id from definitions)
        or measure_id in (select denominator_measure_id from definitions)
        or measure_id in (select sample_measure_id from definitions)
    {%- endif %}
    group by measure_id, basis, regime_start

),

calendar_periods as (

    select
        *,
        cast(
            dense_rank() over (order by period_grain, period_start) as integer
        ) as period_number
    from {{ ref('int_calendar_periods') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

distributions as (

    select * from {{ ref(time_to_event) }}

),

bases as (

    select
        basis,
        min(first_date) as first_date,
        max(last_date) as last_date
    from extents
    group by basis

),

-- Numbers stand for texts where millions of rows are added up: a measure on a basis, a
-- KPI on a basis, a period of a grain.
numbered_measures as (

    select
        measure_id,
        basis,
        cast(row_number() over (order by measure_id, basis) as integer)
            as measure_number
    from extents
    group by measure_id, basis

),

numbered_kpis as (

    select
        definitions.kpi_id,
        bases.basis,
        cast(
            row_number() over (order by definitions.kpi_id, bases.basis) as integer
        ) as kpi_number
    from definitions
    cross join bases
    group by definitions.kpi_id, bases.basis

),

daily as (

    select
        numbered_measures.measure_number,
        measures.regime_start,
        measures.measure_date,
        {%- if dimension %}
        measures.{{ dimension }},
        {%- endif %}
        -- a sum is wider than what it adds up, and the next one costs more of it
        cast(sum(measures.quantity) as decimal(18, 2)) as quantity
    from measures
    -- many-to-one
    inner join numbered_measures
        on measures.measure_id = numbered_measures.measure_id
        and measures.basis = numbered_measures.basis
    group by
        numbered_measures.measure_number,
        measures.regime_start,
        measures.measure_date
        {{- ',\n        measures.' ~ dimension if dimension }}

),

quantities as (

    select
        daily.measure_number,
        daily.regime_start,
        calendar_periods.period_number,
        {%- if dimension %}
        daily.{{ dimension }},
        {%- endif %}
        cast(sum(daily.quantity) as decimal(18, 2)) as quantity
    from daily
    -- one-to-many: a day is in one period of each grain
    inner join calendar_periods on daily.measure_date = calendar_periods.date_day
    group by
        daily.measure_number,
        daily.regime_start,
        calendar_periods.period_number
        {{- ',\n        daily.' ~ dimension if dimension }}

),

regimes as (

    select distinct regime_start from extents

),

kpi_roles as (

    {{ kpi_roles(is_draft) | indent(4) }}

),

-- what each measure is to the version of a KPI that counts the events of a regime
roles as (

    select
        numbered_kpis.kpi_number,
        numbered_measures.measure_number,
        kpi_roles.regime_start,
        kpi_roles.role,
        kpi_roles.version
    from kpi_roles
    -- one-to-many: the bases
    inner join numbered_measures on kpi_roles.measure_id = numbered_measures.measure_id
    -- many-to-one
    inner join numbered_kpis
        on kpi_roles.kpi_id = numbered_kpis.kpi_id
        and numbered_measures.basis = numbered_kpis.basis
    where
        (numbered_kpis.basis = 'event' and kpi_roles.has_event_basis)
        or (numbered_kpis.basis = 'cohort' and kpi_roles.has_cohort_basis)

),

contributions as (

    select
        roles.kpi_number,
        quantities.period_number,
        {%- if dimension %}
        quantities.{{ dimension }},
        {%- endif %}
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
        on quantities.measure_number = roles.measure_number
        and quantities.regime_start = roles.regime_start
    group by
        roles.kpi_number,
        quantities.period_number
        {{- ',\n        quantities.' ~ dimension if dimension }}

),

periods as (

    select distinct
        bases.basis,
        calendar_periods.period_number,
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
        numbered_kpis.kpi_number,
        periods.basis,
        periods.period_number,
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        agreements.small_sample_below,
        row_number() over (
            partition by
                numbered_kpis.kpi_number, periods.period_number
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
    -- many-to-one
    inner join numbered_kpis
        on definitions.kpi_id = numbered_kpis.kpi_id
        and periods.basis = numbered_kpis.basis
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
-- from week upwards a row for every member, at day grain for those with an event
counted as (

    {% for is_day in [false, true] %}
    select
        labels.*,
        {%- if dimension %}
        {{ 'contributions' if is_day else 'members' }}.{{ dimension }},
        {%- endif %}
        contributions.numerator,
        contributions.denominator,
        contributions.sample,
        contributions.first_version,
        contributions.last_version
    from labels
    {%- if dimension and not is_day %}
    cross join members
    {%- endif %}
    -- {{ 'one-to-many: one per member' if is_day else 'one-to-one' }}
    {{ 'inner' if is_day else 'left' }} join contributions
        on labels.kpi_number = contributions.kpi_number
        and labels.period_number = contributions.period_number
        {%- if dimension and not is_day %}
        and members.{{ dimension }} = contributions.{{ dimension }}
        {%- endif %}
    where
        labels.statistic is null
        and labels.period_grain {{ '=' if is_day else '<>' }} 'day'

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- likewise, with a case where a count has an event
summarised as (

    {% for is_day in [false, true] %}
    select
        labels.*,
        {%- if dimension %}
        {{ 'distributions' if is_day else 'members' }}.{{ dimension }},
        {%- endif %}
        distributions.median,
        distributions.p90,
        distributions.km_median,
        case labels.statistic
            when 'km_median' then distributions.cases
            else distributions.finished
        end as cases
    from labels
    {%- if dimension and not is_day %}
    cross join members
    {%- endif %}
    -- {{ 'one-to-many: one per member' if is_day else 'one-to-one' }}
    {{ 'inner' if is_day else 'left' }} join distributions
        on labels.distribution_id = distributions.distribution_id
        and labels.basis = distributions.basis
        and labels.period_grain = distributions.period_grain
        and labels.period_start = distributions.period_start
        {%- if dimension and not is_day %}
        and members.{{ dimension }} = distributions.{{ dimension }}
        {%- endif %}
    where
        labels.statistic is not null
        {%- if is_day %}
        and labels.period_grain = 'day'
        and case labels.statistic
            when 'km_median' then distributions.cases
            else distributions.finished
        end > 0
        {%- else %}
        and labels.period_grain <> 'day'
        {%- endif %}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% set of_labels = [
    'kpi_id', 'basis', 'period_grain', 'period_start', 'period_end', 'statistic',
    'version', 'maturity_days', 'small_sample_below'
] -%}
{%- do of_labels.append(dimension) if dimension -%}
filled as (

    select
        {%- for column in of_labels %}
        {{ column }},
        {%- endfor %}
        -- an interval is for a share of cases, not of yen, and only where the part is
        -- in the whole
        case basis when 'event' then is_subset_event else is_subset_cohort end
        and sample_measure_id = denominator_measure_id as is_proportion,
        denominator_measure_id is not null as is_ratio,
        coalesce(numerator, 0) as numerator,
        case
            when denominator_measure_id is not null then coalesce(denominator, 0)
        end as denominator,
        coalesce(sample, 0) as sample_size,
        null as statistic_value,
        coalesce(
            first_version <> version or last_version <> version, false
        ) as is_mixed_version
    from counted

    union all

    select
        {%- for column in of_labels %}
        {{ column }},
        {%- endfor %}
        false as is_proportion,
        false as is_ratio,
        null as numerator,
        coalesce(cases, 0) as denominator,
        0 as sample_size,
        case statistic
            when 'median' then median
            when 'p90' then p90
            when 'km_median' then km_median
        end as statistic_value,
        false as is_mixed_version
    from summarised

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
