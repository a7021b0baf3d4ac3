{#-
    A whole model: how many of the leads of each acquisition month that reached a stage
    of the funnel have reached the next one, as of now.

    dimension   column of int_lead_stages that cohorts are split by, or none for all
                leads of the month

    A lead that is at a stage without having been at the one before is skipped: it is in
    neither part of the rate, and counted beside it.
-#}
{% macro stage_conversion(dimension=none) -%}
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
    group by month_start

),

pairs as (

    select
        cohorts.*,
        stages.previous_stage_id as from_stage_id,
        stages.stage_id as to_stage_id,
        agreements.small_sample_below,
        {{ dbt.dateadd('day', 'stages.maturity_days', 'months.month_end') }}
            as settled_on
    from cohorts
    cross join stages
    -- many-to-one
    inner join months on cohorts.cohort_month = months.month_start
    -- many-to-one
    left join agreements
        on agreements.date_day = case
            when months.month_end > {{ as_of_date() }} then {{ as_of_date() }}
            else months.month_end
        end
    where stages.previous_stage_id is not null

),

at_stages as (

    select
        {{ cohort_keys }},
        stage_id,
        count(*) as leads
    from lead_stages
    group by {{ cohort_keys }}, stage_id

),

arrivals as (

    select
        {%- for key in keys %}
        lead_stages.{{ key }},
        {%- endfor %}
        lead_stages.stage_id,
        count(previous.lead_id) as converted,
        count(*) - count(previous.lead_id) as skipped
    from lead_stages
    -- many-to-one
    inner join stages on lead_stages.stage_id = stages.stage_id
    -- one-to-one
    left join lead_stages as previous
        on lead_stages.lead_id = previous.lead_id
        and stages.previous_stage_id = previous.stage_id
    group by
        {%- for key in keys %}
        lead_stages.{{ key }},
        {%- endfor %}
        lead_stages.stage_id

),

counted as (

    select
        pairs.*,
        coalesce(at_stages.leads, 0) as reached_from,
        coalesce(arrivals.converted, 0) as converted,
        coalesce(arrivals.skipped, 0) as skipped
    from pairs
    -- one-to-one
    left join at_stages
        on pairs.from_stage_id = at_stages.stage_id
        {%- for key in keys %}
        and pairs.{{ key }} = at_stages.{{ key }}
        {%- endfor %}
    -- one-to-one
    left join arrivals
        on pairs.to_stage_id = arrivals.stage_id
        {%- for key in keys %}
        and pairs.{{ key }} = arrivals.{{ key }}
        {%- endfor %}

),

rated as (

    select
        *,
        cast(converted as {{ type_double() }})
            / nullif(cast(reached_from as {{ type_double() }}), 0) as rate
    from counted

),

final as (

    select
        -- ids
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        from_stage_id,
        to_stage_id,

        -- texts
        case when rate is null then 'no_cases' end as rate_reason,

        -- numerics
        cast(leads as bigint) as leads,
        cast(reached_from as bigint) as reached_from,
        cast(converted as bigint) as converted,
        cast(skipped as bigint) as skipped,
        rate,
        {%- for bound in ['low', 'high'] %}
        {{ wilson_bound('rate', 'reached_from', bound) }} as ci_{{ bound }},
        {%- endfor %}

        -- booleans
        reached_from < small_sample_below as is_small_sample,
        settled_on <= {{ as_of_date() }} as is_mature,

        -- dates
        cohort_month
    from rated

)

select * from final
{%- endmacro %}
