{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in the meeting phase: appointments when booked, ended and judged;
    meetings per lead and engagement cycle.
-#}
with

appointments as (

    select * from {{ ref('int_lead_appointments') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

-- the booker's team on the day that is counted
judged as (

    select
        appointments.channel_id,
        appointments.booked_by_id,
        appointments.judgement,
        appointments.judged_date,
        appointments.acquired_date,
        reps.team
    from appointments
    left join reps
        on appointments.booked_by_id = reps.rep_id
        and appointments.judged_date between reps.valid_from and reps.valid_to
    where appointments.judgement in ('qualified', 'not_qualified')

),

pending as (

    select
        appointments.channel_id,
        appointments.booked_by_id,
        appointments.held_date,
        appointments.acquired_date,
        reps.team
    from appointments
    left join reps
        on appointments.booked_by_id = reps.rep_id
        and appointments.held_date between reps.valid_from and reps.valid_to
    where appointments.outcome = 'held' and appointments.judgement is null

),

-- what is not over has not ended; nor has what ended nobody knows how
ended as (

    select
        appointments.*,
        reps.team as end_team
    from appointments
    left join reps
        on appointments.booked_by_id = reps.rep_id
        and appointments.ended_date between reps.valid_from and reps.valid_to
    where appointments.ended_date is not null

),

meetings as (

    select
        meetings.*,
        reps.team
    from {{ ref('int_meetings') }} as meetings
    left join reps
        on meetings.rep_id = reps.rep_id
        and meetings.meeting_date between reps.valid_from and reps.valid_to

),

final as (

    select * from (
        {{ daily_measures(
            relation='appointments',
            event_date='booked_date',
            cohort_date='acquired_date',
            rep_id='booked_by_id',
            measures={'appointments_set': '1'},
        ) }}
    ) as appointments_set

    union all

    select * from (
        {{ daily_measures(
            relation='judged',
            event_date='judged_date',
            cohort_date='acquired_date',
            rep_id='booked_by_id',
            measures={
                'meetings_judged': '1',
                'meetings_qualified': one_if("judgement = 'qualified'"),
            },
        ) }}
    ) as judgements

    union all

    select * from (
        {{ daily_measures(
            relation='pending',
            event_date='held_date',
            cohort_date='acquired_date',
            rep_id='booked_by_id',
            measures={'meetings_pending_judgement': '1'},
        ) }}
    ) as pending_judgements

    union all

    select * from (
        {{ daily_measures(
            relation='ended',
            event_date='ended_date',
            cohort_date='acquired_date',
            rep_id='booked_by_id',
            team='end_team',
            measures={
                'appointments_ended': '1',
                'appointments_held': one_if("outcome = 'held'"),
                'appointments_no_show': one_if("outcome = 'no_show'"),
                'appointments_rescheduled': one_if('is_rescheduled'),
            },
        ) }}
    ) as appointment_ends

    union all

    select * from (
        {{ daily_measures(
            relation='meetings',
            event_date='meeting_date',
            cohort_date='acquired_date',
            measures={
                'meetings': one_if("meeting_basis = 'agreed'"),
                'meetings_first_appointment': one_if(
                    "meeting_basis = 'first_appointment'"
                ),
                'meetings_proposal_stage': one_if("meeting_basis = 'proposal_stage'"),
            },
        ) }}
    ) as meeting_measures

)

select * from final
