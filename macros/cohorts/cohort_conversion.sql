{#-
    A whole model: how many leads of each acquisition month had reached each stage of
    the funnel by each later month.

    dimension   column of int_lead_stages that cohorts are split by, or none for all
                leads of the month

    A cell exists for every month up to the as-of date's, so that a month in which
    nobody came on is a row. A month without a lead is no cohort and has no rows.
-#}
{% macro cohort_conversion(dimension=none) -%}
{%- set keys = ['cohort_month'] -%}
{%- do keys.append(dimension) if dimension -%}
{%- set cohort_keys = keys | join(', ') -%}
with

lead_stages as (

    select * from {{ ref('int_lead_stages') }}

),

stages as (

    select * from {{ ref('funnel_stages') }}

),

days as (

    select * from {{ ref('int_calendar_days') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

cohorts as (

    select
        {{ cohort_keys }},
        count(distinct lead_id) as leads
    from lead_stages
    group by {{ cohort_keys }}

),

months as (

    select
        month_start,
        max(date_day) as month_end
    from days
    where month_start <= {{ as_of_date() }}
    group by month_start

),

newly_reached as (

    select
        {{ cohort_keys }},
        stage_id,
        months_since,
        count(*) as leads
    from lead_stages
    group by {{ cohort_keys }}, stage_id, months_since

),

-- each cohort in each month since, with the policy of the cohort's own last day
observed as (

    select
        cohorts.*,
        {{ dbt.datediff('cohorts.cohort_month', 'months.month_start', 'month') }}
            as months_since,
        agreements.small_sample_below,
        months.month_end
    from cohorts
    -- one-to-many: the cohort's month and those after it
    inner join months on cohorts.cohort_month <= months.month_start
    -- many-to-one
    inner join months as first_months
        on cohorts.cohort_month = first_months.month_start
    -- many-to-one
    left join agreements
        on agreements.date_day = case
            when first_months.month_end > {{ as_of_date() }} then {{ as_of_date() }}
            else first_months.month_end
        end

),

counted as (

    select
        observed.*,
        stages.stage_id,
        sum(coalesce(newly_reached.leads, 0)) over (
            partition by
                {%- for key in keys %}
                observed.{{ key }},
                {%- endfor %}
                stages.stage_id
            order by observed.months_since
            rows between unbounded preceding and current row
        ) as reached
    from observed
    cross join stages
    -- one-to-one
    left join newly_reached
        on stages.stage_id = newly_reached.stage_id
        and observed.months_since = newly_reached.months_since
        {%- for key in keys %}
        and observed.{{ key }} = newly_reached.{{ key }}
        {%- endfor %}

),

rated as (

    select
        *,
        cast(reached as {{ type_double() }}) / cast(leads as {{ type_double() }}) as rate
    from counted

),

final as (

    select
        -- ids
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        stage_id,

        -- numerics
        cast(months_since as integer) as months_since,
        cast(leads as bigint) as leads,
        cast(reached as bigint) as reached,
        rate,
        {%- for bound in ['low', 'high'] %}
        {{ wilson_bound('rate', 'leads', bound) }} as ci_{{ bound }},
        {%- endfor %}

        -- booleans
        leads < small_sample_below as is_small_sample,
        month_end <= {{ as_of_date() }} as is_mature,

        -- dates
        cohort_month
    from rated

)

select * from final
{%- endmacro %}
