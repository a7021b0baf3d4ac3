{#- Grain: one row per appointment; a reschedule is the same appointment (R12). -#}
with

appointments as (

    select * from {{ ref('int_lead_appointments') }}

),

final as (

    select
        -- ids
        appointment_id,
        lead_id,
        opportunity_id,
        channel_id,
        booked_by_id,

        -- texts
        outcome,
        judgement,

        -- booleans
        is_rescheduled,

        -- dates
        booked_at,
        held_at,
        judged_at,
        booked_date,
        held_date,
        judged_date,
        ended_date
    from appointments

)

select * from final
