{#-
    Grain: one row per user and validity range; ranges of a user never overlap.
    A range ends the day before the next one starts, whatever its own end says.
-#}
with

users as (

    select * from {{ ref('int_unioned_users') }}

),

departments as (

    select * from {{ ref('departments') }}

),

ranges as (

    select
        user_id,
        name,
        team,
        department,
        coalesce(active_from, cast('{{ var("calendar_start") }}' as date))
            as valid_from,
        coalesce(active_to, cast('{{ var("calendar_end") }}' as date))
            as stated_valid_to
    from users

),

sequenced as (

    select
        *,
        lead(valid_from) over (
            partition by user_id order by valid_from, stated_valid_to
        ) as next_valid_from
    from ranges

),

bounded as (

    select
        *,
        case
            when next_valid_from <= stated_valid_to
                then cast({{ dbt.dateadd('day', -1, 'next_valid_from') }} as date)
            else stated_valid_to
        end as valid_to
    from sequenced

),

final as (

    select
        -- ids
        bounded.user_id as rep_id,
        coalesce(departments.department_id, 'unmapped') as department_id,

        -- texts
        bounded.name,
        bounded.team,
        bounded.department,

        -- booleans
        coalesce(departments.department_id = 'inside_sales', false) as is_inside_sales,

        -- dates
        bounded.valid_from,
        bounded.valid_to
    from bounded
    -- many-to-one; left, so that an unmapped department stays visible
    left join departments
        on {{ code_key('bounded.department') }} = departments.department_code
    -- of two ranges that start on one day, only the longer one has days
    where bounded.valid_to >= bounded.valid_from

)

select * from final
