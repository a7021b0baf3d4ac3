{#-
    Grain: one row per rep who has worked.
    When each rep began: as the users' extract says, else the first day with hours, else
    that of the first approach. Who worked already when the hours or the approaches begin
    is known to have been there, not since when.
-#}
with

validity as (

    select * from {{ ref('int_rep_validity') }}

),

attendance as (

    select * from {{ ref('int_attendance') }} where working_hours > 0

),

-- appointments are left out: they are credited to owners who may not have begun
approaches as (

    select * from {{ ref('int_activities') }}
    where direction = 'outbound' and rep_id is not null

),

evidence as (

    select
        rep_id,
        1 as preference,
        min(work_date) as first_day,
        min(min(work_date)) over () as first_day_of_all
    from attendance
    group by rep_id

    union all

    select
        rep_id,
        2 as preference,
        min(activity_date) as first_day,
        min(min(activity_date)) over () as first_day_of_all
    from approaches
    group by rep_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by rep_id order by preference
        ) as preference_number
    from evidence

),

stated as (

    select
        rep_id,
        nullif(min(valid_from), cast('{{ var("calendar_start") }}' as date))
            as stated_start
    from validity
    group by rep_id

),

final as (

    select
        -- ids
        numbered.rep_id,

        -- booleans
        stated.stated_start is not null
        or numbered.first_day >= {{ dbt.dateadd(
            'day', var('start_observed_after_days'), 'numbered.first_day_of_all'
        ) }} as is_start_known,

        -- dates
        coalesce(stated.stated_start, numbered.first_day) as start_date
    from numbered
    -- one-to-one; left, as a rep may be no user of the extracts
    left join stated on numbered.rep_id = stated.rep_id
    where numbered.preference_number = 1

)

select * from final
