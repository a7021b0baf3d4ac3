{#-
    The last month of every cohort against the milestones of the published leads, and of
    the target connections against the activities; every cohort and channel of fct_leads
    is there.
-#}
{%- set milestones = {
    'acquired': 'lead_id',
    'touched': 'first_touched_at',
    'connected': 'first_connected_at',
    'appointment_set': 'appointment_set_at',
    'appointment_held': 'appointment_held_at',
    'meeting': 'meeting_at',
    'qualified': 'qualified_at',
    'handed_over': 'handed_over_at',
    'won': 'won_date',
} -%}
with

leads as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'acquired_date') }} as date) as cohort_month
    from {{ ref('fct_leads') }}

),

target_connected as (

    select distinct lead_id from {{ ref('fct_activities') }}
    where is_target_connected and lead_id is not null

),

expected as (

    {% for stage_id, milestone in milestones.items() %}
    select
        cohort_month,
        channel_id,
        '{{ stage_id }}' as stage_id,
        count(*) as leads,
        count({{ milestone }}) as reached
    from leads
    group by cohort_month, channel_id

    union all

    {% endfor %}
    select
        leads.cohort_month,
        leads.channel_id,
        'target_connected' as stage_id,
        count(*) as leads,
        count(target_connected.lead_id) as reached
    from leads
    -- one-to-one
    left join target_connected on leads.lead_id = target_connected.lead_id
    group by leads.cohort_month, leads.channel_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by cohort_month, channel_id, stage_id
            order by months_since desc
        ) as number_from_last
    from {{ ref('kpi_cohort_conversion') }}

),

published as (

    select * from numbered where number_from_last = 1

)

select
    coalesce(expected.cohort_month, published.cohort_month) as cohort_month,
    coalesce(expected.channel_id, published.channel_id) as channel_id,
    coalesce(expected.stage_id, published.stage_id) as stage_id,
    expected.reached as expected_reached,
    published.reached as published_reached
from expected
full outer join published
    on expected.cohort_month = published.cohort_month
    and expected.channel_id = published.channel_id
    and expected.stage_id = published.stage_id
where
    coalesce(expected.leads, -1) <> coalesce(published.leads, -1)
    or coalesce(expected.reached, -1) <> coalesce(published.reached, -1)
