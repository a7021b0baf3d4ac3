{#-
    A whole model: the statistics of each distribution by one dimension and period, on
    both bases.

    cases       relation with the columns of int_observations
    dimension   column of it (channel_id, rep_id or team), or none for the totals
    members     relation with one row per value of the dimension, each of which gets rows
                without cases; none: the values that occur
    part        further column of it that splits a distribution (the stage), or none

    The event basis dates a case by the day on which it ended: it knows no unfinished
    cases, and so has no Kaplan-Meier median. The cohort basis dates it by the
    acquisition of its lead and has them all.

    The Kaplan-Meier estimate of the share that is not finished after t is the product,
    over the distinct times up to t at which something finished, of 1 - finished / at
    risk. At risk are all whose time is not shorter, so that a case that leaves
    observation at a time is still at risk of what finished at it. The median is the
    first time at which the share is at most one half (E. L. Kaplan and P. Meier, JASA 53
    (1958), 457–481). The product is a sum of logarithms, whose rounding var
    survival_tolerance forgives; a share of zero, which only the longest time can reach,
    has no logarithm.
-#}
{% macro time_to_event_by_dimension(
    cases, dimension=none, members=none, part=none
) -%}
{%- set what = ['distribution_id'] -%}
{%- do what.append(part) if part -%}
{%- set keys = ['series_number', 'period_number'] -%}
{%- do keys.append(dimension) if dimension -%}
{%- set bases = {'event': 'event_date', 'cohort': 'cohort_date'} -%}
with

observations as (

    select * from {{ cases }}

),

calendar_periods as (

    select
        *,
        cast(
            dense_rank() over (order by period_grain, period_start) as integer
        ) as period_number
    from {{ ref('int_calendar_periods') }}

),

distributions as (

    select * from {{ ref('dim_distributions') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

bases as (

    {% for basis in bases %}
    select '{{ basis }}' as basis
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

kinds as (

    select distinct
        {{ what | join(',\n        ') }}
    from observations

),

-- Numbers stand for texts where cases are sorted: for what is measured on a basis, and for
-- a period of a grain.
series as (

    select
        {%- for column in what %}
        kinds.{{ column }},
        {%- endfor %}
        bases.basis,
        cast(
            row_number() over (order by bases.basis, kinds.{{ what | join(', kinds.') }})
            as integer
        ) as series_number
    from kinds
    cross join bases

),

dated as (

    {% for basis, date_column in bases.items() %}
    select
        series.series_number,
        series.basis,
        {%- if dimension %}
        observations.{{ dimension }},
        {%- endif %}
        observations.observed_value,
        observations.is_finished,
        observations.{{ date_column }} as case_date
    from observations
    -- many-to-one
    inner join series
        on series.basis = '{{ basis }}'
        {%- for column in what %}
        and observations.{{ column }} = series.{{ column }}
        {%- endfor %}
    where
        observations.{{ date_column }} is not null
        {{ 'and observations.is_finished' if basis == 'event' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

in_periods as (

    select
        dated.series_number,
        dated.basis,
        {%- if dimension %}
        dated.{{ dimension }},
        {%- endif %}
        calendar_periods.period_number,
        dated.observed_value,
        dated.is_finished
    from dated
    -- one-to-many: a day is in one period of each grain
    inner join calendar_periods on dated.case_date = calendar_periods.date_day

),

summaries as (

    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        count(*) as cases,
        sum({{ one_if('is_finished') }}) as finished,
        {{ quantile('case when is_finished then observed_value end', 0.5) }} as median,
        {{ quantile('case when is_finished then observed_value end', 0.9) }} as p90
    from in_periods
    group by {{ keys | join(', ') }}

),

timed as (

    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        observed_value,
        -- a sum is wider than what it adds up, and the next one costs more of it
        cast(count(*) as integer) as cases,
        cast(sum({{ one_if('is_finished') }}) as integer) as finished
    from in_periods
    where basis = 'cohort'
    group by {{ keys | join(', ') }}, observed_value

),

risks as (

    select
        *,
        -- whom it took as long, or longer
        cast(
            sum(cases) over (
                partition by {{ keys | join(', ') }}
                order by observed_value
                rows between current row and unbounded following
            ) as integer
        ) as at_risk
    from timed

),

survivals as (

    select
        *,
        case
            when finished = at_risk then 0
            else exp(
                sum(
                    case
                        when finished > 0 and finished < at_risk
                            then ln(
                                cast(at_risk - finished as {{ type_double() }})
                                / at_risk
                            )
                        else 0
                    end
                ) over (
                    partition by {{ keys | join(', ') }}
                    order by observed_value rows unbounded preceding
                )
            )
        end as share_left
    from risks

),

crossings as (

    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        min(observed_value) as km_median,
        -- the first that reaches one half, as later ones have fewer at risk
        max(at_risk) as at_risk_at_median
    from survivals
    where share_left <= 0.5 + {{ var('survival_tolerance') }}
    group by {{ keys | join(', ') }}

),

reach as (

    select
        basis,
        min(case_date) as first_date,
        max(case_date) as last_date
    from dated
    group by basis

),

periods as (

    select distinct
        reach.basis,
        calendar_periods.period_number,
        calendar_periods.period_grain,
        calendar_periods.period_start
    from reach
    inner join calendar_periods
        on calendar_periods.date_day between reach.first_date and reach.last_date

),

{% if dimension %}
members as (

    select distinct {{ dimension }} from {{ members if members else 'observations' }}

),
{% endif %}
-- as in the KPI tables, a period from week upwards has its rows also without a case
cells as (

    select
        series.series_number,
        periods.period_number
        {{- ',\n        members.' ~ dimension if dimension }}
    from periods
    -- many-to-many: what is measured on the basis
    inner join series on periods.basis = series.basis
    {%- if dimension %}
    cross join members
    {%- endif %}
    where periods.period_grain <> 'day'

    union all

    select
        {%- for key in keys %}
        summaries.{{ key }}{{ ',' if not loop.last }}
        {%- endfor %}
    from summaries
    -- many-to-one: the days
    inner join (
        select distinct period_number from periods where period_grain = 'day'
    ) as days on summaries.period_number = days.period_number

),

filled as (

    select
        {%- for column in what %}
        series.{{ column }},
        {%- endfor %}
        {%- if dimension %}
        cells.{{ dimension }},
        {%- endif %}
        series.basis,
        periods.period_grain,
        periods.period_start,
        coalesce(summaries.cases, 0) as cases,
        coalesce(summaries.finished, 0) as finished,
        summaries.median,
        summaries.p90,
        crossings.km_median,
        crossings.at_risk_at_median
    from cells
    -- both many-to-one
    inner join series on cells.series_number = series.series_number
    inner join periods
        on cells.period_number = periods.period_number and series.basis = periods.basis
    -- both one-to-one
    left join summaries
        on {% for key in keys -%}
        cells.{{ key }} = summaries.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}
    left join crossings
        on {% for key in keys -%}
        cells.{{ key }} = crossings.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

),

ends as (

    select distinct
        period_grain,
        period_start,
        period_end,
        case
            when period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else period_end
        end as label_day
    from calendar_periods

),

final as (

    select
        -- ids
        filled.distribution_id,
        {%- if part %}
        filled.{{ part }},
        {%- endif %}
        {%- if dimension %}
        filled.{{ dimension }},
        {%- endif %}
        filled.basis,
        filled.period_grain,

        -- texts
        distributions.unit,
        case when filled.finished = 0 then 'no_cases' end as median_reason,
        case
            when filled.basis = 'event' then 'not_on_event_basis'
            when filled.cases = 0 then 'no_cases'
            when filled.km_median is null then 'median_not_reached'
        end as km_median_reason,

        -- numerics
        cast(filled.cases as bigint) as cases,
        cast(filled.finished as bigint) as finished,
        cast(filled.cases - filled.finished as bigint) as censored,
        filled.median,
        filled.p90,
        filled.km_median,
        cast(filled.at_risk_at_median as bigint) as at_risk_at_median,

        -- booleans
        filled.finished < agreements.small_sample_below as is_small_sample,
        filled.basis = 'event'
        or {{ dbt.dateadd('day', 'distributions.maturity_days', 'ends.period_end') }}
        <= {{ as_of_date() }} as is_mature,
        ends.period_end <= {{ as_of_date() }} as is_complete,

        -- dates
        filled.period_start,
        ends.period_end
    from filled
    -- all many-to-one
    inner join distributions
        on filled.distribution_id = distributions.distribution_id
    inner join ends
        on filled.period_grain = ends.period_grain
        and filled.period_start = ends.period_start
    left join agreements on ends.label_day = agreements.date_day

)

select * from final
{%- endmacro %}
