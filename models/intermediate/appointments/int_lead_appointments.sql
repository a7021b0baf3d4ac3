{#-
    Grain: one row per appointment.
    Which lead and engagement cycle it belongs to, and whether it is the first one
    there.
-#}
with

appointments as (

    select * from {{ ref('int_appointments') }} where exclusion_rule is null

),

activities as (

    select * from {{ ref('int_activities') }} where activity_type = 'appointment'

),

final as (

    select
        -- ids
        appointments.appointment_id,
        activities.lead_key,
        activities.lead_id,
        appointments.opportunity_id,
        activities.channel_id,
        appointments.booked_by_id,

        -- texts
        activities.team,
        appointments.outcome,
        appointments.judgement,

        -- numerics
        activities.cycle_number,
        row_number() over (
            partition by activities.lead_key
            order by appointments.booked_at, appointments.appointment_id
        ) as lead_booking_number,

        -- booleans
        appointments.booking_count > 1 as is_rescheduled,

        -- dates
        appointments.booked_at,
        appointments.held_at,
        appointments.judged_at,
        appointments.booked_date,
        {{ business_date('appointments.held_at') }} as held_date,
        {{ business_date('appointments.judged_at') }} as judged_date,
        {{ business_date('appointments.ended_at') }} as ended_date,
        activities.acquired_date
    from appointments
    -- one-to-one
    inner join activities
        on appointments.appointment_id = activities.source_id
        and appointments.source_system = activities.source_system

)

select * from final
