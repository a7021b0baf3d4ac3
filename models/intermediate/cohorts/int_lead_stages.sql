{#-
    Grain: one row per surviving lead and funnel stage that it has reached.
    When it first did so, in calendar months after the month it was acquired in. What is
    dated before the acquisition (a CRM that creates the lead after the first call)
    counts in month 0.
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

reached as (

    {% for stage_id, milestone in funnel_milestones().items() %}
    {% set is_date = milestone.endswith('_date') %}
    select
        lead_id,
        channel_id,
        '{{ stage_id }}' as stage_id,
        {{ milestone if is_date else business_date(milestone) }} as reached_date,
        cast({{ dbt.date_trunc('month', 'acquired_date') }} as date) as cohort_month
    from leads
    where {{ milestone }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

dated as (

    select
        *,
        cast(
            {{ dbt.datediff('cohort_month', 'reached_date', 'month') }}
            as integer
        ) as calendar_months
    from reached

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        stage_id,

        -- numerics
        case when calendar_months < 0 then 0 else calendar_months end as months_since,

        -- dates
        reached_date,
        cohort_month
    from dated

)

select * from final
