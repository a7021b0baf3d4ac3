{#-
    Grain: one row per task that is a mail to one recipient, as the CRM logged it.
    The address is the person's of today; Salesforce does not keep the one of then.
-#}
with

final as (

    select
        -- ids
        coalesce(message_id, id) as message_id,
        who_id as lead_id,
        owner_id as rep_id,

        -- texts
        recipient,
        case when activity_kind = 'email_bulk' then 'bulk' else 'one_to_one' end
            as kind,
        'crm' as logged_by,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- dates
        began_at as sent_at
    from {{ ref('base_salesforce__task_fates') }}
    where common_object = 'emails'

)

select * from final
