{#-
    Grain: one row per rep and working day.
    Attendance up to the as-of date.
-#}
with

attendance as (

    select * from {{ ref('stg_planning__attendance') }}
    where is_accepted and work_date <= {{ as_of_date() }}

),

final as (

    select
        rep_id,
        working_hours,
        work_date
    from attendance

)

select * from final
