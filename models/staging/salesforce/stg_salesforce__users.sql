{#-
    Grain: one row per user.
    The role is the team. Salesforce keeps no history of either, so that they hold always.
-#}
with

users as (

    select * from {{ ref('base_salesforce__user') }} where is_accepted

),

roles as (

    select * from {{ ref('base_salesforce__user_role') }} where is_accepted

),

final as (

    select
        -- ids
        users.id as user_id,

        -- texts
        users.name,
        roles.name as team,
        users.department,
        users.email,
        users.source_system,
        users.source_object,
        users.source_file,

        -- numerics
        users.source_row,

        -- dates
        cast(null as date) as active_from,
        cast(null as date) as active_to
    from users
    -- many-to-one
    left join roles on users.user_role_id = roles.id

)

select * from final
