{#-
    Grain: one row per surviving lead; merged leads are their survivor, deleted ones are
    out (R10).
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

responses as (

    select * from {{ ref('int_lead_responses') }} where is_touched

),

final as (

    select
        -- ids
        leads.lead_id,
        leads.channel_id,
        leads.latest_channel_id,
        leads.segment,
        leads.rep_id,

        -- numerics
        responses.seconds as speed_to_lead_seconds,
        responses.business_seconds as speed_to_lead_business_seconds,
        leads.touch_count,

        -- booleans
        leads.is_target,

        -- dates
        leads.created_at,
        leads.first_touched_at,
        leads.first_connected_at,
        leads.permission_granted_at,
        leads.appointment_set_at,
        leads.appointment_held_at,
        leads.meeting_at,
        leads.judged_at,
        leads.qualified_at,
        leads.handed_over_at,
        leads.won_at,
        leads.acquired_date,
        responses.touched_date as first_touched_date,
        leads.handed_over_date,
        leads.won_date,
        leads.accepted_date,
        leads.rejected_date
    from leads
    -- one-to-one
    left join responses on leads.lead_id = responses.lead_id

)

select * from final
