{#- Grain: one row per task that is an approach other than a call or a mail. -#}
with

final as (

    select
        -- ids
        id as touch_id,
        who_id as lead_id,
        owner_id as rep_id,

        -- texts
        activity_channel,
        direction,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- booleans
        information_exchanged,
        need_recorded,

        -- dates
        began_at as occurred_at,
        replied_at
    from {{ ref('base_salesforce__task_fates') }}
    where common_object = 'touches'

)

select * from final
