{#-
    Grain: one row per user and validity range; ranges of a user never overlap.
    A range ends the day before the next one starts, whatever its own end says.
-#}
with

users as (

    select * from {{ ref('stg_generic__users') }} where is_accepted

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
        coalesce(active_from, cast('{{ var("calendar_start") }}' as date)) as valid_from,
        coalesce(active_to, cast('{{ var("calendar_end") }}' as date)) as stated_valid_to
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

final as (

    select
        -- ids
        sequenced.user_id as rep_id,
        coalesce(departments.department_id, 'unmapped') as department_id,

        -- texts
        sequenced.name,
        sequenced.team,
        sequenced.department,

        -- booleans
        coalesce(departments.department_id = 'inside_sales', false) as is_inside_sales,

        -- dates
        sequenced.valid_from,
        case
            when sequenced.next_valid_from <= sequenced.stated_valid_to
                then cast({{ dbt.dateadd('day', -1, 'sequenced.next_valid_from') }} as date)
            else sequenced.stated_valid_to
        end as valid_to
    from sequenced
    -- many-to-one; left, so that an unmapped department stays visible
    left join departments
        on {{ code_key('sequenced.department') }} = departments.department_code

)

select * from final
