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

        -- numerics
        case
            when judgement is null then null
            when judged_at < held_at then 0
            else cast(
                {{ epoch_seconds('judged_at') }} - {{ epoch_seconds('held_at') }}
                as {{ type_double() }}
            ) / 86400.0
        end as days_to_judgement,

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
