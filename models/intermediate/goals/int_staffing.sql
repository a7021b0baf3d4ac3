{#-
    Grain: one row per calendar month.
    How much inside sales there is: its reps, the business days on which each is there, and
    the hours they have worked up to the as-of date.
-#}
with

calendar as (

    select * from {{ ref('int_calendar_days') }} where is_business_day

),

reps as (

    select * from {{ ref('int_rep_validity') }} where is_inside_sales

),

attendance as (

    select * from {{ ref('int_attendance') }}

),

business_days as (

    select
        month_start as month,
        count(*) as business_days
    from calendar
    group by month_start

),

by_rep as (

    select
        calendar.month_start as month,
        reps.rep_id,
        count(*) as rep_days
    from calendar
    -- many-to-many: who is there on the day
    inner join reps
        on calendar.date_day between reps.valid_from and reps.valid_to
    group by calendar.month_start, reps.rep_id

),

rep_days as (

    select
        month,
        count(*) as reps,
        sum(rep_days) as rep_days
    from by_rep
    group by month

),

dated_hours as (

    select
        attendance.working_hours,
        cast({{ dbt.date_trunc('month', 'attendance.work_date') }} as date) as month
    from attendance
    -- many-to-one
    inner join reps
        on attendance.rep_id = reps.rep_id
        and attendance.work_date between reps.valid_from and reps.valid_to

),

hours as (

    select
        month,
        sum(working_hours) as working_hours
    from dated_hours
    group by month

),

final as (

    select
        -- numerics
        cast(coalesce(rep_days.reps, 0) as integer) as reps,
        cast(business_days.business_days as integer) as business_days,
        cast(coalesce(rep_days.rep_days, 0) as integer) as rep_days,
        cast(coalesce(hours.working_hours, 0) as decimal(18, 2)) as working_hours,

        -- dates
        business_days.month
    from business_days
    -- one-to-one
    left join rep_days on business_days.month = rep_days.month
    -- one-to-one
    left join hours on business_days.month = hours.month

)

select * from final
