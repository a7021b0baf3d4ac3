{#- Grain: one row per rep and working day. -#}
with

attendance as (

    select * from {{ ref('int_attendance') }}

),

final as (

    select
        rep_id,
        cast(working_hours as decimal(18, 2)) as working_hours,
        work_date
    from attendance

)

select * from final
