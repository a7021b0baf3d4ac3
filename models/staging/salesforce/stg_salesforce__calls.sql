{#-
    Grain: one row per task that is a call, as the CRM logged it.
    Salesforce keeps no number: it is the person's own, landline first, so that the call
    finds its record in the dialer (R5) where neither names the other's id.
-#}
with

final as (

    select
        -- ids
        id as call_id,
        cast(null as {{ dbt.type_string() }}) as parent_call_id,
        who_id as lead_id,
        owner_id as rep_id,
        call_object as external_call_id,

        -- texts
        direction,
        case when direction = 'inbound' then phone end as from_number,
        case when direction = 'outbound' then phone end as to_number,
        call_disposition as disposition,
        reached,
        'crm' as logged_by,
        cast(null as {{ dbt.type_string() }}) as note,
        cast(null as {{ dbt.type_string() }}) as rep_email,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- booleans
        information_exchanged,
        need_recorded,
        coalesce(is_internal, direction = 'internal') as is_internal,

        -- dates
        began_at as started_at,
        cast(null as timestamp) as answered_at,
        {{ dbt.dateadd('second', 'duration_seconds', 'began_at') }} as ended_at
    from {{ ref('base_salesforce__task_fates') }}
    where common_object = 'calls'

)

select * from final
