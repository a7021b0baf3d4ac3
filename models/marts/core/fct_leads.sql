{#-
    Grain: one row per surviving lead; merged leads are their survivor, deleted ones are
    out (R10).
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        latest_channel_id,
        segment,
        rep_id,

        -- numerics
        touch_count,

        -- booleans
        is_target,

        -- dates
        created_at,
        first_touched_at,
        first_connected_at,
        permission_granted_at,
        appointment_set_at,
        appointment_held_at,
        meeting_at,
        judged_at,
        qualified_at,
        handed_over_at,
        won_at,
        acquired_date,
        handed_over_date,
        won_date,
        accepted_date,
        rejected_date
    from leads

)

select * from final
