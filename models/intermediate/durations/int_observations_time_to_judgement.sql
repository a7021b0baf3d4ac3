{#-
    Grain: one row per distribution_id and appointment that was held.
    Days from the meeting to field sales' judgement of it. One that is not judged is
    observed to the end of the as-of date; whatever the judgement says, it has been made.
-#}
with

appointments as (

    select * from {{ ref('int_lead_appointments') }} where outcome = 'held'

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

ended as (

    select
        *,
        judgement is not null as is_judged,
        case
            when judgement is null then {{ end_of_observation() }}
            when judged_at < held_at then held_at
            else judged_at
        end as ended_at,
        -- whose team: on the day it ended, or began while it has not
        case when judgement is null then held_date else judged_date end as team_date
    from appointments

),

final as (

    select
        'time_to_judgement' as distribution_id,
        ended.appointment_id as case_id,
        ended.channel_id,
        coalesce(ended.booked_by_id, 'unknown') as rep_id,
        coalesce(reps.team, 'unknown') as team,
        cast(
            {{ epoch_seconds('ended.ended_at') }} - {{ epoch_seconds('ended.held_at') }}
            as {{ type_double() }}
        ) / 86400.0 as observed_value,
        ended.is_judged as is_finished,
        case when ended.is_judged then ended.judged_date end as event_date,
        ended.acquired_date as cohort_date
    from ended
    -- many-to-one: ranges of a rep do not overlap
    left join reps
        on ended.booked_by_id = reps.rep_id
        and ended.team_date between reps.valid_from and reps.valid_to

)

select * from final
