{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    Working hours. They belong to a rep and a day, never to a channel or a cohort.
-#}
with

attendance as (

    select * from {{ ref('int_attendance') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

worked as (

    select
        attendance.rep_id,
        attendance.working_hours,
        attendance.work_date,
        reps.team,
        'none' as channel_id
    from attendance
    left join reps
        on attendance.rep_id = reps.rep_id
        and attendance.work_date between reps.valid_from and reps.valid_to

),

final as (

    {{ daily_measures(
        relation='worked',
        event_date='work_date',
        cohort_date=none,
        measures={'working_hours': 'working_hours'},
    ) }}

)

select * from final
