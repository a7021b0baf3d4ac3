{#-
    Grain: one row per booking with a customer; a reschedule names the one it replaces.
    The booker is who created the event: its owner changes with a conversion (R11). An
    event that was moved in place is one row anyway.
-#}
with

final as (

    select
        -- ids
        id as appointment_id,
        who_id as lead_id,
        opportunity_id,
        created_by_id as booked_by_id,
        owner_id,
        rescheduled_from_id,

        -- texts
        outcome,
        judgement,
        judgement_reason,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- dates
        booked_at,
        starts_at,
        judged_at
    from {{ ref('base_salesforce__event_fates') }}
    where fate is null

)

select * from final
