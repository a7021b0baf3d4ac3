{#-
    Grain: one row per task that is a reply, a person's or an automatic one.
    Salesforce logs no other event of a mail as a task.
-#}
with

final as (

    select
        -- ids
        id as event_id,
        message_id,

        -- texts
        recipient,
        case when activity_kind = 'email_auto_reply' then 'auto_reply' else 'reply' end
            as event,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- booleans
        cast(null as boolean) as is_machine,
        information_exchanged,

        -- dates
        began_at as occurred_at
    from {{ ref('base_salesforce__task_fates') }}
    where common_object = 'email_events'

)

select * from final
