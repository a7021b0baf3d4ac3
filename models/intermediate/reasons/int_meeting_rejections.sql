{#-
    Grain: one row per held appointment that field sales judged to have no prospect.
    Why, by the mapping of reasons: `unknown` if nobody says so, `unmapped` if no mapping
    knows what is said. The text itself ends here.
-#}
with

appointments as (

    select * from {{ ref('int_lead_appointments') }} where judgement = 'not_qualified'

),

stated as (

    select * from {{ ref('int_appointments') }} where exclusion_rule is null

),

reasons as (

    select * from {{ ref('rejection_reasons') }}

),

final as (

    select
        -- ids
        appointments.appointment_id,
        coalesce(appointments.channel_id, 'unknown') as channel_id,
        case
            when stated.source_judgement_reason_code is null then 'unknown'
            else coalesce(reasons.reason_id, 'unmapped')
        end as reason_id,

        -- dates
        appointments.judged_date
    from appointments
    -- one-to-one
    inner join stated on appointments.appointment_id = stated.appointment_id
    -- many-to-one
    left join reasons
        on stated.source_judgement_reason_code = reasons.reason_code
        and {{ is_valid_on('reasons', 'appointments.judged_date') }}

)

select * from final
