{#-
    Grain: one row per surviving lead.
    When each stage of the funnel was first reached, and who of inside sales is
    credited.
-#}
with

leads as (

    select * from {{ ref('int_leads') }}

),

activities as (

    select * from {{ ref('int_activities') }} where lead_id is not null

),

appointments as (

    select * from {{ ref('int_lead_appointments') }} where lead_id is not null

),

opportunities as (

    select * from {{ ref('int_opportunities') }} where lead_id is not null

),

permissions as (

    select * from {{ ref('int_permissions') }} where lead_id is not null

),

meetings as (

    select * from {{ ref('int_meetings') }}
    where lead_id is not null and meeting_basis = 'agreed'

),

-- each cycle has a first approach; the lead's is that of its earliest cycle
first_approaches as (

    select
        lead_id,
        rep_id,
        row_number() over (partition by lead_id order by cycle_number) as cycle_rank
    from activities
    where touch_number = 1

),

approach_milestones as (

    select
        lead_id,
        min(case when is_approach then occurred_at end) as first_touched_at,
        min(case when is_approach and is_connected then occurred_at end)
            as first_connected_at,
        min(case when is_target_connected then occurred_at end)
            as first_target_connected_at,
        sum(case when is_approach then 1 else 0 end) as touch_count
    from activities
    group by lead_id

),

appointment_milestones as (

    select
        lead_id,
        min(booked_at) as appointment_set_at,
        min(held_at) as appointment_held_at,
        min(case when judgement in ('qualified', 'not_qualified') then judged_at end)
            as judged_at,
        min(case when judgement = 'qualified' then judged_at end) as qualified_at,
        max(case when lead_booking_number = 1 then booked_by_id end) as first_booker_id
    from appointments
    group by lead_id

),

deal_milestones as (

    select
        lead_id,
        min(won_at) as won_at,
        min(case when is_won then closed_date end) as won_date
    from opportunities
    group by lead_id

),

permission_milestones as (

    select
        lead_id,
        min(granted_at) as permission_granted_at
    from permissions
    group by lead_id

),

meeting_milestones as (

    select
        lead_id,
        min(meeting_at) as meeting_at
    from meetings
    group by lead_id

),

final as (

    select
        -- ids
        leads.lead_id,
        leads.channel_id,
        leads.latest_channel_id,
        leads.segment,
        coalesce(
            appointment_milestones.first_booker_id,
            first_approaches.rep_id,
            leads.owner_id
        ) as rep_id,

        -- numerics
        cast(coalesce(approach_milestones.touch_count, 0) as bigint) as touch_count,

        -- booleans
        leads.is_target,

        -- dates
        leads.created_at,
        approach_milestones.first_touched_at,
        approach_milestones.first_connected_at,
        approach_milestones.first_target_connected_at,
        permission_milestones.permission_granted_at,
        appointment_milestones.appointment_set_at,
        appointment_milestones.appointment_held_at,
        meeting_milestones.meeting_at,
        appointment_milestones.judged_at,
        appointment_milestones.qualified_at,
        leads.handed_over_at,
        deal_milestones.won_at,
        leads.acquired_date,
        leads.handed_over_date,
        deal_milestones.won_date,
        -- it takes the hand-over and the judgement, in whichever order
        case
            when
                leads.handed_over_date is null
                or appointment_milestones.qualified_at is null
                then null
            when appointment_milestones.qualified_at < leads.handed_over_at
                then leads.handed_over_date
            else {{ business_date('appointment_milestones.qualified_at') }}
        end as accepted_date,
        -- whoever is judged qualified later was not rejected
        case
            when
                leads.handed_over_date is null
                or appointment_milestones.judged_at is null
                or appointment_milestones.qualified_at is not null
                then null
            when appointment_milestones.judged_at < leads.handed_over_at
                then leads.handed_over_date
            else {{ business_date('appointment_milestones.judged_at') }}
        end as rejected_date
    from leads
    -- all one-to-one
    left join first_approaches
        on leads.lead_id = first_approaches.lead_id and first_approaches.cycle_rank = 1
    left join approach_milestones on leads.lead_id = approach_milestones.lead_id
    left join appointment_milestones on leads.lead_id = appointment_milestones.lead_id
    left join deal_milestones on leads.lead_id = deal_milestones.lead_id
    left join permission_milestones on leads.lead_id = permission_milestones.lead_id
    left join meeting_milestones on leads.lead_id = meeting_milestones.lead_id

)

select * from final
