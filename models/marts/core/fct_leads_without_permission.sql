{#-
    Grain: one row per surviving lead that was target-connected without a permission
    standing, at its first target connection.
-#}
with

leads_without_permission as (

    select * from {{ ref('int_lead_permissions') }}

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        rep_id,

        -- booleans
        is_permission_granted,

        -- dates
        connected_date
    from leads_without_permission

)

select * from final
